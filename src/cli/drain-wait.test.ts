import { beforeEach, describe, expect, it } from "vitest";
import { type RecordedTerminal, recordedTerminal } from "../../test/support/terminal.ts";
import { parseMatch } from "../config/override-match.ts";
import type { DrainStatus } from "../control/commands.ts";
import { Unreachable } from "./command.ts";
import { waitForDrain } from "./drain-wait.ts";

const MATCH = parseMatch("pool:eu")!;

let now: number;
let terminal: RecordedTerminal;
let bar: string[];

/** An address that is given until a moment, and let go at another. */
interface Address {
  withheldAt: number;
  letGo: number;
  alsoAt?: string[];
}

async function wait(
  addresses: Address[],
  options: { timeoutMs?: number; isJson?: boolean } = {},
): Promise<number> {
  const client = {
    ask: async <T>(): Promise<T> => {
      const drains = addresses.map(
        ({ withheldAt, letGo, alsoAt = [] }, i): DrainStatus => ({
          zone: "z",
          pool: "eu",
          endpoint: `e${i}`,
          address: `192.0.2.${i}`,
          withheld: now >= withheldAt,
          letGo,
          alsoAt,
        }),
      );
      return { nowMs: now, drains } as T;
    },
  };
  return await waitForDrain(
    client,
    MATCH,
    {
      timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
      isJson: options.isJson ?? false,
      nowMs: () => now,
      pause: async (ms) => {
        now += ms;
      },
    },
    terminal,
  );
}

beforeEach(() => {
  now = 0;
  terminal = recordedTerminal();
  bar = [];
});

describe("drain --wait", () => {
  it("ends when the last of the addresses has been let go", async () => {
    expect(
      await wait([
        { withheldAt: 0, letGo: 12_000 },
        { withheldAt: 500, letGo: 30_000 },
      ]),
    ).toBe(0);
    expect(now).toBe(30_000);
    expect(terminal.stdout).toBe(
      "draining: still answered: 1 of 2\n" +
        "draining: cached perhaps: 2 of 2, up to 20 s\n" +
        "draining: cached perhaps: 1 of 2, up to 10 s\n" +
        "No resolver that honours TTLs has 2 addresses of pool:eu any more, after 30 s.\n",
    );
  });

  it("shows a bar on a terminal, and no lines", async () => {
    terminal.line = (text) => bar.push(text);
    await wait([{ withheldAt: 0, letGo: 20_000 }]);
    expect(terminal.stdout.split("\n")).toHaveLength(2);
    expect(bar[0]).toMatch(/^draining {2}\[-{24}\] {3}0% {2}cached perhaps: 1 of 1, up to 20 s$/);
    expect(bar.find((line) => line.includes(" 50%"))).toContain("[############------------]");
    expect(bar.at(-1)).toBe("");
    for (const line of bar) expect(line.length).toBeLessThan(79);
  });

  it("never shows less than it has shown, when an answer in flight moves the end", async () => {
    terminal.line = (text) => bar.push(text);
    const address = { withheldAt: 0, letGo: 10_000 };
    setTimeout(() => undefined, 0);
    const shares: number[] = [];
    const client = {
      ask: async <T>(): Promise<T> => {
        if (now >= 1000) address.letGo = 10_900;
        return {
          nowMs: now,
          drains: [
            {
              zone: "z",
              pool: "eu",
              endpoint: "e",
              address: "a",
              withheld: true,
              letGo: address.letGo,
              alsoAt: [],
            },
          ],
        } as T;
      },
    };
    await waitForDrain(
      client,
      MATCH,
      {
        timeoutMs: 60_000,
        isJson: false,
        nowMs: () => now,
        pause: async (ms) => {
          now += ms;
        },
      },
      terminal,
    );
    for (const line of bar) shares.push(Number(/(\d+)%/.exec(line)?.[1] ?? 100));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });

  it("says which addresses are answered elsewhere", async () => {
    expect(await wait([{ withheldAt: 0, letGo: 0, alsoAt: ["pool:z/us/lb9"] }])).toBe(1);
    expect(terminal.stdout).toContain("But 192.0.2.0 is answered still, at pool:z/us/lb9.\n");
  });

  it("gives up at --timeout, with exit code 4", async () => {
    expect(await wait([{ withheldAt: 0, letGo: 60_000 }], { timeoutMs: 5000 })).toBe(4);
    expect(terminal.stderr).toBe(
      "steerd: --timeout has passed: addresses may be cached for 55 s more; the drain holds\n",
    );
  });

  it("gives up when the drain takes no effect, with exit code 1", async () => {
    expect(await wait([{ withheldAt: Number.POSITIVE_INFINITY, letGo: 0 }])).toBe(1);
    expect(now).toBe(30_000);
    expect(terminal.stderr).toContain("1 address is still answered");
    expect(await wait([])).toBe(1);
  });

  it("says it in JSON", async () => {
    await wait([{ withheldAt: 0, letGo: 1000 }], { isJson: true });
    expect(JSON.parse(terminal.stdout)).toMatchObject({
      ok: true,
      drained: true,
      seconds: 1,
      selector: "pool:eu",
    });
    terminal = recordedTerminal();
    await wait([{ withheldAt: 0, letGo: now + 9000 }], { isJson: true, timeoutMs: 1 });
    expect(JSON.parse(terminal.stdout)).toMatchObject({ ok: false, drained: false, answered: 0, left: 9 });
  });

  it("says that the drain holds when the server goes away, with exit code 3", async () => {
    const client = { ask: () => Promise.reject(new Unreachable("the server is gone")) };
    expect(await waitForDrain(client, MATCH, { timeoutMs: 1, isJson: false }, terminal)).toBe(3);
    expect(terminal.stderr).toContain("the drain holds");
  });
});
