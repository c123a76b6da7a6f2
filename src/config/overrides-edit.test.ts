import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { withLock } from "./edit-file.ts";
import { formatFinding } from "./findings.ts";
import { parseMatch } from "./override-match.ts";
import { editOverrides, type NewOverride, type OverridesEdit } from "./overrides-edit.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = temporaryFolder("overrides");
  path = join(folder, "overrides.yaml");
});

const entry = (match: string, more: Partial<NewOverride> = {}): NewOverride => ({
  match: parseMatch(match)!,
  state: "drain",
  ...more,
});
const add = (match: string, more: Partial<NewOverride> = {}): OverridesEdit => ({
  removes: () => false,
  adds: () => entry(match, more),
});
const remove = (match: string): OverridesEdit => ({
  removes: (known) => JSON.stringify(known.match) === JSON.stringify(parseMatch(match)),
});

async function edit(change: OverridesEdit): Promise<string[]> {
  const outcome = await editOverrides(path, change);
  return "findings" in outcome
    ? outcome.findings.map((finding) => formatFinding(finding).replaceAll(`${folder}/`, ""))
    : [];
}

const text = (): string => readFileSync(path, "utf8");

/** Without the spaces before comments, and without empty lines: those the library sets anew. */
const lines = (from: string): string[] =>
  from
    .split("\n")
    .flatMap((line) => (line.trim() === "" ? [] : [line.replace(/ +#/, " #").replace(/^ #/, "#")]));

const BY_HAND = `# Who edits this tells the others in #dns.
overrides:
  # The old load balancer, until it is replaced.
  - match: pool:eu/lb1
    state: down    # do not trust its probes
    reason: "disk: dying"

  - {match: region:virginia, weight: 50%, author: 'anna'} # canary

  # Black Friday.
  - match: pool:gslb.example/us/*
    state: up
    until: 2026-11-28T06:00:00Z
# The end.
`;

describe("an edit of the forced states", () => {
  it("makes the file where there is none", async () => {
    expect(
      await edit(
        add("pool:eu", {
          until: Date.parse("2026-03-01T18:00:00.250Z"),
          since: 0,
          reason: "kernel: upgrade",
          author: "anna",
          force: true,
        }),
      ),
    ).toEqual([]);
    expect(text()).toBe(`overrides:
  - match: pool:eu
    state: drain
    until: 2026-03-01T18:00:00Z
    reason: "kernel: upgrade"
    author: anna
    since: 1970-01-01T00:00:00Z
    force: true
`);
    expect(readdirSync(folder)).toEqual(["overrides.yaml"]);
  });

  it.each(["", "# nothing yet\n", "overrides:\n", "overrides: []\n", "{}\n"])(
    "begins in %j",
    async (begun) => {
      writeFileSync(path, begun);
      await edit(add("pool:eu", { state: undefined, weight: 0.255 }));
      expect(text()).toContain("overrides:\n  - match: pool:eu\n    weight: 25.5%\n");
      if (begun.startsWith("#")) expect(text()).toContain("# nothing yet");
    },
  );

  it("leaves a file that was written by hand as it is, comments and all", async () => {
    writeFileSync(path, BY_HAND);
    await edit(add("pool:asia"));
    const added = BY_HAND.replace("# The end.\n", "  - match: pool:asia\n    state: drain\n# The end.\n");
    expect(lines(text())).toEqual(lines(added));
    await edit(remove("pool:asia"));
    expect(lines(text())).toEqual(lines(BY_HAND));
  });

  it("takes an entry away, and keeps what is said on lines of their own", async () => {
    writeFileSync(path, BY_HAND);
    await edit(remove("region:virginia"));
    expect(text()).not.toContain("virginia");
    expect(text()).toContain("  # Black Friday.\n  - match: pool:gslb.example/us/*\n");
    await edit(remove("pool:eu/lb1"));
    expect(text()).toContain("# The old load balancer, until it is replaced.");
    expect(text()).not.toContain("do not trust");
    await edit(remove("pool:gslb.example/us/*"));
    for (const kept of ["# Who edits", "# Black Friday.", "# The end.", "overrides:"])
      expect(text()).toContain(kept);
    expect(await edit(add("pool:eu"))).toEqual([]);
    expect(text()).toContain("- match: pool:eu\n    state: drain\n");
  });

  it("keeps the words over an entry that goes from the middle, before those over the next one", async () => {
    const [head, first, middle, last] = ["overrides:\n", "a", "b", "c"].map((name, i) =>
      i === 0 ? name : `  # Of ${name}.\n  - {match: pool:${name}, state: down}\n`,
    );
    writeFileSync(path, `${head}${first}${middle}${last}`);
    await edit(remove("pool:b"));
    expect(text()).toBe(`${head}${first}  # Of b.\n${last}`);
  });

  it("puts an entry about the same selector at the end, where it counts", async () => {
    writeFileSync(path, "overrides:\n- {match: pool:eu, state: down}\n- {match: pool:us, state: up}\n");
    await edit(add("pool:eu"));
    expect(text()).toBe("overrides:\n- {match: pool:us, state: up}\n- match: pool:eu\n  state: drain\n");
  });

  it("a weight replaces what was said of the same selector, but no drain and no down", async () => {
    writeFileSync(path, "overrides:\n- {match: pool:eu, state: down}\n- {match: pool:eu, weight: 10%}\n");
    await edit({ removes: () => false, adds: () => ({ match: parseMatch("pool:eu")!, weight: 0.5 }) });
    expect(text()).toBe("overrides:\n- {match: pool:eu, state: down}\n- match: pool:eu\n  weight: 50%\n");
    await edit({ removes: () => false, adds: () => ({ match: parseMatch("pool:eu")!, state: "up" }) });
    expect(text()).toBe("overrides:\n- match: pool:eu\n  state: up\n");
  });

  it("writes nothing when nothing is to be changed", async () => {
    writeFileSync(path, BY_HAND);
    const { ino } = statSync(path);
    await edit(remove("pool:nowhere"));
    expect(statSync(path).ino).toBe(ino);
  });

  it("writes nothing into a file with errors, and tells them all", async () => {
    const broken = "overrides:\n  - {match: eu}\n  - {match: pool:eu, state: dran}\n";
    writeFileSync(path, broken);
    expect((await edit(add("pool:us"))).map((line) => line.split(" ")[0])).toEqual([
      "overrides.yaml:2:13",
      "overrides.yaml:3:29",
    ]);
    expect(text()).toBe(broken);
  });

  it("writes nothing that the file must not hold", async () => {
    const full = `overrides:\n${"  - {match: pool:eu/*, state: up}\n".repeat(1000)}`;
    writeFileSync(path, full);
    expect((await edit(add("pool:us")))[0]).toContain("expected at most 1000 entries");
    expect(text()).toBe(full);
  });

  it("does not go round for ever before a lock that is no file", async () => {
    mkdirSync(`${path}.lock`);
    expect(await withLock(path, async () => null, 50)).toMatchObject({ findings: [{}] });
  });

  it("asks before it writes", async () => {
    const refusal = {
      severity: "error",
      code: "X",
      file: "f",
      line: 0,
      column: 0,
      what: "no",
      expected: "",
    } as const;
    let asked = 0;
    const outcome = await editOverrides(path, add("pool:eu"), (entries) => {
      asked = entries.length;
      return [refusal];
    });
    expect([outcome, asked, readdirSync(folder)]).toEqual([{ findings: [refusal] }, 1, []]);
  });

  it("row 56, row 79: is made again on what somebody else wrote meanwhile", async () => {
    writeFileSync(path, "overrides: []\n");
    let looks = 0;
    await editOverrides(path, add("pool:eu"), () => {
      if (looks++ === 0) writeFileSync(path, "# by hand\noverrides:\n  - {match: pool:us, state: up}\n");
      return [];
    });
    expect([looks, text()]).toEqual([
      2,
      "# by hand\noverrides:\n  - {match: pool:us, state: up}\n  - match: pool:eu\n    state: drain\n",
    ]);
  });

  it("row 79: waits for another one: of many at once none is lost", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => edit(add(`pool:p${i}`))));
    expect(
      text()
        .match(/match: pool:p\d/g)!
        .sort(),
    ).toEqual(Array.from({ length: 8 }, (_, i) => `match: pool:p${i}`));
    expect(readdirSync(folder)).toEqual(["overrides.yaml"]);
  });

  it("row 57: says why a file cannot be written, and leaves it alone", async () => {
    writeFileSync(path, BY_HAND);
    chmodSync(folder, 0o555);
    onTestFinished(() => chmodSync(folder, 0o755));
    if (process.getuid?.() === 0) return;
    expect(await edit(add("pool:eu"))).toEqual([
      "overrides.yaml CFG_EDIT_FAILED nothing was written: this user may not write there: expected a folder that this user may write to, with room on its disk",
    ]);
    expect(text()).toBe(BY_HAND);
  });

  it("row 57: a folder that is not there is told too", async () => {
    path = join(folder, "gone", "overrides.yaml");
    expect(await edit(add("pool:eu"))).toEqual([
      "gone/overrides.yaml CFG_EDIT_FAILED nothing was written: there is no such folder: expected a folder that this user may write to, with room on its disk",
    ]);
  });

  it("row 58: takes over a lock whose owner was killed, and what it left", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    writeFileSync(`${path}.lock`, `${child.pid} ${hostname()}`);
    writeFileSync(`${path}.${process.pid}.tmp`, "overrides:\n  - {match: po");
    expect(await edit(add("pool:eu"))).toEqual([]);
    expect(text()).toContain("pool:eu");
    expect(readdirSync(folder)).toEqual(["overrides.yaml"]);
  });

  it("does not take over a lock of somebody who lives, or of another host", async () => {
    for (const owner of [`${process.pid} ${hostname()}`, "999999 elsewhere"]) {
      writeFileSync(`${path}.lock`, owner);
      const outcome = await withLock(path, async () => "never", 60);
      expect(outcome).toMatchObject({ findings: [{ code: "CFG_EDIT_LOCKED" }] });
      expect(readFileSync(`${path}.lock`, "utf8")).toBe(owner);
    }
  });

  it("follows a link, and keeps mode", async () => {
    mkdirSync(join(folder, "real"));
    const real = join(folder, "real/forced.yaml");
    writeFileSync(real, "overrides: []\n");
    chmodSync(real, 0o640);
    symlinkSync(real, path);
    await edit(add("pool:eu"));
    expect(readFileSync(real, "utf8")).toContain("pool:eu");
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["overrides.yaml", "real"]);
  });
});
