import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCityMmdb } from "../support/geo-fixtures.ts";
import { startLoad } from "../support/steady-load.ts";
import { type Steerd, startSteerd } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Reloads while queries come in: none is lost, and the memory of old snapshots comes back. STEERD_LONG: full size. */
const LONG = process.env.STEERD_LONG !== undefined;
const ZONES = LONG ? 12_000 : 1_200;
const NETWORKS = LONG ? 50_000 : 2_000;
const RELOADS_UNDER_LOAD = LONG ? 20 : 5;
const PER_SECOND = LONG ? 5_000 : 2_000;
const RELOADS = LONG ? 100 : 25;
/** Makes the snapshot large beside everything else, so that one that stays in memory shows. */
const LARGE_ZONE_NAMES = 100_000;
/** Heap pages of the control worker come and go with the collector's mood. */
const HEAP_OCTETS = 40 * 2 ** 20;

let server: Steerd;
let databasePath: string;
let accepted = 1;

const master = (index: number, version: number): string =>
  `@ 60 SOA ns h ${version} 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n${Array.from(
    { length: 8 },
    (_, host) => `h${host} 60 A 192.0.2.${host}\n`,
  ).join("")}${index % 12 === 0 ? "" : "www 60 A 192.0.2.1\n"}`;

const DYNAMIC =
  "pools:\n  us: {endpoints: [192.0.2.10, 192.0.2.11]}\n  eu: {endpoints: [198.51.100.10]}\n" +
  "records:\n  www: {policy: {geo: {EU: eu, NA: us, default: us}}}\n";

/** Puts another database in place with a rename, as the docs say. */
function replaceDatabase(octets: Uint8Array): void {
  writeFileSync(`${databasePath}.next`, octets);
  renameSync(`${databasePath}.next`, databasePath);
}

beforeAll(async () => {
  databasePath = join(temporaryFolder("geo"), "city.mmdb");
  replaceDatabase(makeCityMmdb(NETWORKS, 1));
  const files: Record<string, string> = {};
  for (let i = 0; i < ZONES; i++) {
    files[`z${i}.example.zone`] = master(i, 1);
    if (i % 12 === 0) files[`z${i}.example.yaml`] = DYNAMIC;
  }
  const large = Array.from({ length: LARGE_ZONE_NAMES }, (_, i) => `host-${i} 60 A 192.0.2.1\n`);
  files["large.example.zone"] = master(0, 1) + large.join("");
  server = await startSteerd(files, {
    server: `geo: {city: ${JSON.stringify(databasePath)}}`,
    lifetimeMs: 600_000,
  });
});
afterAll(() => server?.stop());

/** Changes a zone, asks for a reload, and waits until both data workers have taken over the newest snapshot. */
async function reload(index: number): Promise<void> {
  const before = accepted;
  server.write(`z${index % ZONES}.example.zone`, master(index % ZONES, accepted + 1));
  server.child.signal("SIGHUP");
  await expect
    .poll(
      async () => {
        const text = await metrics();
        accepted = Number(/^steerd_snapshot_generation (\d+)$/m.exec(text)![1]);
        const swaps = Number(/^steerd_snapshot_swaps_total (\d+)$/m.exec(text)![1]);
        return accepted > before && swaps === 2 * accepted;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
}

const metrics = async (): Promise<string> => (await server.get("/metrics")).text();

const residentOctets = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))![1]) * 1024;

describe("reloads under load", () => {
  test(`${RELOADS_UNDER_LOAD} reloads of ${ZONES} zones and the geo file at ${PER_SECOND} queries/s lose none`, async () => {
    const names = Array.from({ length: 500 }, (_, i) => `www.z${(i * 7) % ZONES}.example.`);
    const databases = Array.from({ length: RELOADS_UNDER_LOAD }, (_, i) => makeCityMmdb(NETWORKS, i + 2));
    const startedMs = performance.now();
    const load = startLoad(server.port, names, PER_SECOND);
    for (const [i, octets] of databases.entries()) {
      replaceDatabase(octets);
      await reload(i * 13);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const result = await load.stop();
    console.log(
      `${result.sent} queries in ${seconds.toFixed(1)} s, slowest ${result.slowestMs.toFixed(0)} ms`,
    );
    expect(result).toMatchObject({ lost: 0, wrong: 0 });
    expect(result.answered).toBe(result.sent);
    expect(result.sent, "a steady load").toBeGreaterThan(0.7 * PER_SECOND * seconds);
  }, 300_000);

  test.skipIf(process.platform !== "linux")(
    `${RELOADS} reloads end within 2.5 snapshots' memory`,
    async () => {
      const snapshotOctets = Number(/^steerd_snapshot_bytes (\d+)$/m.exec(await metrics())![1]);
      for (let i = 0; i < 5; i++) await reload(i);
      const before = residentOctets();
      for (let i = 0; i < RELOADS; i++) await reload(i);
      // `before` holds one snapshot already.
      await expect
        .poll(() => residentOctets() - before, { timeout: 5000 })
        .toBeLessThan(1.5 * snapshotOctets + HEAP_OCTETS);
      expect(HEAP_OCTETS, "a leak of every fourth snapshot would show").toBeLessThan(
        (RELOADS / 4 - 1.5) * snapshotOctets,
      );
    },
    600_000,
  );
});
