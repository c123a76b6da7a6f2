import type { GeoDatabase } from "../geo/databases.ts";
import type { TableModel } from "../geo/table.ts";
import type { Finding } from "./findings.ts";
import type { IndexSize } from "./index-memory.ts";
import type { LoadedConfig } from "./load.ts";
import { MAX_TILE_BITS } from "./resolve-keys.ts";

/** Policies whose prefixes are all a database's. */
const BY_PLACE: readonly TableModel["kind"][] = ["geo", "nearest"];
const BY_SYSTEM: readonly TableModel["kind"][] = ["asn"];

/** Warns of databases that tell clients apart within what resolvers tell of them. The one of the package is as it is. */
export function fineTiles(sizes: readonly IndexSize[], { geo, server }: LoadedConfig): Finding[] {
  const { city, country, asn } = server.geo;
  return [
    ...(city === undefined && country === undefined ? [] : fineOf(geo.city ?? geo.country, BY_PLACE, sizes)),
    ...(asn === undefined ? [] : fineOf(geo.asn, BY_SYSTEM, sizes)),
  ];
}

function fineOf(
  database: GeoDatabase | null,
  kinds: readonly TableModel["kind"][],
  sizes: readonly IndexSize[],
): Finding[] {
  const finest = sizes.filter(({ kind }) => kinds.includes(kind)).sort((a, b) => fineIn(b) - fineIn(a))[0];
  if (database === null || finest === undefined || fineIn(finest) === 0) return [];
  const tiles = finest.tiles4 + finest.tiles6;
  const share = percent(fineIn(finest) / tiles);
  const what =
    `${fineIn(finest)} of ${tiles} tiles (${share}) of the index "${finest.name}" are longer than what ` +
    "resolvers tell of a client";
  const expected = `at most /${MAX_TILE_BITS[4]} and /${MAX_TILE_BITS[6]}`;
  const place = { file: database.name, line: 0, column: 0 };
  return [{ severity: "warning", code: "CFG_TILE_FINE", ...place, what, expected }];
}

function fineIn({ fine4, fine6 }: IndexSize): number {
  return fine4 + fine6;
}

/** `3.1%`, `less than 0.1%`. */
function percent(share: number): string {
  return share < 0.001 ? "less than 0.1%" : `${(share * 100).toFixed(1)}%`;
}
