/**
 * Writes a city database of MaxMind's schema for benchmarks: make-geo-db.ts NETWORKS SEED FILE. The same numbers make the
 * same file.
 */
import { writeFileSync } from "node:fs";
import { makeCityMmdb } from "../../test/support/geo-fixtures.ts";

const [networks, seed, file] = process.argv.slice(2);
if (file === undefined || !(Number(networks) > 0) || !Number.isSafeInteger(Number(seed))) {
  console.error("usage: make-geo-db.ts NETWORKS SEED FILE");
  process.exitCode = 2;
} else {
  const octets = makeCityMmdb(Number(networks), Number(seed));
  writeFileSync(file, octets);
  console.log(`${file}: ${octets.length} octets`);
}
