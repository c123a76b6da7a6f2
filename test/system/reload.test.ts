import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Child, startChild } from "../support/child.ts";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT, type Steerd, startSteerd } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Reloads, seen from outside: by signal, by a file's change, by a ConfigMap's swap; all or nothing. */
const zone = (address: string): string =>
  `@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\nwww 60 A ${address}\n`;
const FIRST = zone("192.0.2.1");
const SECOND = zone("192.0.2.2");

let server: Steerd | null = null;
let child: Child | null = null;
afterEach(async () => {
  await server?.stop();
  await child?.stop();
  server = null;
  child = null;
});

async function ask(port: number): Promise<string | undefined> {
  const reply = await askUdp({ port }, buildQuery({ name: "www.example.test.", type: "A" }));
  return readMessage(reply!).answer[0]?.rdataOctets.join(".");
}

describe("reload", () => {
  test("SIGHUP reads the files again", async () => {
    server = await startSteerd({ "example.test.zone": FIRST });
    expect(await ask(server.port)).toBe("192.0.2.1");
    server.write("example.test.zone", SECOND);
    await server.reload();
    await expect.poll(() => ask(server!.port)).toBe("192.0.2.2");
  });

  test("a changed file is read again without being told", async () => {
    server = await startSteerd({ "example.test.zone": FIRST });
    server.write("example.test.zone", SECOND);
    await expect.poll(() => ask(server!.port), { timeout: 5000 }).toBe("192.0.2.2");
  });

  test("a bad file changes nothing, is said with its place, and its correction is taken", async () => {
    server = await startSteerd({ "example.test.zone": FIRST, "other.test.zone": FIRST });
    server.write("other.test.zone", SECOND);
    server.write("example.test.zone", "@ 60 SOA ns h 1 2 3 4\n");
    await server.child.waitFor(/example\.test\.zone:1.*\n.*configuration rejected, 1 stays in use/);
    expect(await ask(server.port)).toBe("192.0.2.1");
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toMatch(/^steerd_reload_ok 0$/m);
    expect(metrics).toMatch(/^steerd_snapshot_generation 1$/m);
    server.write("example.test.zone", SECOND);
    await expect.poll(() => ask(server!.port), { timeout: 5000 }).toBe("192.0.2.2");
  });

  test("zones come and go", async () => {
    server = await startSteerd({ "example.test.zone": FIRST, "other.test.zone": FIRST });
    rmSync(join(server.folder, "zones", "example.test.zone"));
    await expect
      .poll(
        async () =>
          readMessage((await askUdp(server!, buildQuery({ name: "www.example.test.", type: "A" })))!).rcode,
        { timeout: 5000 },
      )
      .toBe(5);
    server.write("example.test.zone", SECOND);
    await expect.poll(() => ask(server!.port), { timeout: 5000 }).toBe("192.0.2.2");
  });

  test("a ConfigMap's swap: all files turn with one link", async () => {
    const folder = temporaryFolder("configmap");
    for (const [version, text] of [
      ["..2026_1", FIRST],
      ["..2026_2", SECOND],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "example.test.zone"), text);
      const yaml = `listen: ["127.0.0.1:0"]\nzones: .\napi: {listen: "127.0.0.1:0"}\n`;
      writeFileSync(join(folder, version, "steerd.conf"), yaml);
    }
    symlinkSync("..2026_1", join(folder, "..data"));
    for (const name of ["example.test.zone", "steerd.conf"])
      symlinkSync(`..data/${name}`, join(folder, name));
    child = startChild(process.execPath, [
      join(ROOT, "bin/steerd"),
      "serve",
      "--config",
      join(folder, "steerd.conf"),
    ]);
    const port = Number((await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/))[1]);
    expect(await ask(port)).toBe("192.0.2.1");
    symlinkSync("..2026_2", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    rmSync(join(folder, "..2026_1"), { recursive: true });
    await expect.poll(() => ask(port), { timeout: 5000 }).toBe("192.0.2.2");
  });
});
