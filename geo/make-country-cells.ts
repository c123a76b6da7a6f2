/**
 * Makes src/geo/country-cells.ts: which country the land within each cell of half a degree belongs to. Not part of the
 * build; run it when the source changes:
 *
 *   node geo/make-country-cells.ts COUNTRIES_10M_JSON ISO_3166_1_JSON        (Node 22.18 or later)
 *
 * COUNTRIES_10M_JSON: countries-10m.json of the npm package world-atlas 2.0.2 (ISC), Natural Earth 4.1 (public domain).
 * ISO_3166_1_JSON: iso_3166-1.json of Debian's iso-codes, for numeric and alpha-2 codes (facts of ISO 3166-1).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Country, type Ring, readCountries } from "./atlas.ts";

const CELL_DEGREES = 0.5;
/** Samples along each side of a cell. */
const SAMPLES = 10;
/** A cell is a country's when it has at least this share of the land in it: near borders it is nobody's. */
const LEAST_SHARE = 0.9;
/** Antarctica has no clients. */
const SOUTH = -60;
const NORTH = 84;
const LEFT_OUT = new Set(["AQ"]);
/** Parts this near to a territory that Natural Earth draws as part of another country (French Guiana) are nobody's. */
const TERRITORY_KM = 500;
const EARTH_KM = 6371;

const STEP = CELL_DEGREES / SAMPLES;
const COLUMNS = 360 / CELL_DEGREES;
const ROWS = (NORTH - SOUTH) / CELL_DEGREES;

/** Longitude and latitude of the countries that have no geometry of their own. */
function readTerritories(drawn: Set<string>): [number, number][] {
  const rows = readFileSync(join(import.meta.dirname, "countries.csv"), "utf8").split("\n");
  return rows.flatMap((row): [number, number][] => {
    const [code, , latitude, longitude] = row.split(",");
    return /^[A-Z]{2},/.test(row) && !drawn.has(code!) ? [[Number(longitude), Number(latitude)]] : [];
  });
}

/** Whether the middle of a part's outer ring is near one of these places. */
function isNear([ring]: Ring[], places: [number, number][]): boolean {
  const [xs, ys] = [ring!.map(([x]) => x), ring!.map(([, y]) => y)];
  const middle = (values: number[]) => ((Math.min(...values) + Math.max(...values)) / 2) * (Math.PI / 180);
  const [lambda, phi] = [middle(xs), middle(ys)];
  return places.some(([x, y]) => {
    const [otherLambda, otherPhi] = [(x * Math.PI) / 180, (y * Math.PI) / 180];
    const across = Math.cos(phi) * Math.cos(otherPhi) * Math.sin((lambda - otherLambda) / 2) ** 2;
    return 2 * EARTH_KM * Math.asin(Math.sqrt(Math.sin((phi - otherPhi) / 2) ** 2 + across)) < TERRITORY_KM;
  });
}

/** Where each line of samples crosses the rings, from west to east: every second stretch lies within. */
function crossings(rings: Ring[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const ring of rings) {
    for (let at = 0; at + 1 < ring.length; at++) {
      const [ax, ay] = ring[at]!;
      const [bx, by] = ring[at + 1]!;
      if (ay === by) continue;
      const first = Math.ceil((Math.min(ay, by) - SOUTH) / STEP - 0.5);
      const last = Math.ceil((Math.max(ay, by) - SOUTH) / STEP - 0.5) - 1;
      for (let line = Math.max(0, first); line <= Math.min(last, ROWS * SAMPLES - 1); line++) {
        const latitude = SOUTH + (line + 0.5) * STEP;
        const crossing = ax + ((latitude - ay) / (by - ay)) * (bx - ax);
        found.set(line, [...(found.get(line) ?? []), crossing]);
      }
    }
  }
  return found;
}

/** Adds a country's samples to the cells that they lie in. */
function addLand(cells: Map<string, number>[], code: string, rings: Ring[]): void {
  for (const [line, places] of crossings(rings)) {
    places.sort((a, b) => a - b);
    for (let at = 0; at + 1 < places.length; at += 2) {
      const first = Math.ceil((places[at]! + 180) / STEP - 0.5);
      const last = Math.ceil((places[at + 1]! + 180) / STEP - 0.5) - 1;
      for (let sample = first; sample <= last; sample++) {
        const column = Math.min(COLUMNS - 1, Math.floor(sample / SAMPLES));
        const cell = cells[Math.floor(line / SAMPLES) * COLUMNS + column]!;
        cell.set(code, (cell.get(code) ?? 0) + 1);
      }
    }
  }
}

/** Code of the country that nearly all land of a cell is in; empty: there is none. */
function ownerOf(cell: Map<string, number>): string {
  const land = [...cell.values()].reduce((sum, count) => sum + count, 0);
  const owner = [...cell].find(([, count]) => count >= land * LEAST_SHARE)?.[0] ?? "";
  return LEFT_OUT.has(owner) || owner.startsWith("?") ? "" : owner;
}

/** Runs from west to east: `US1a` is 46 cells, `US` is one, `-5` are five of nobody's, and the last ones of those stay out. */
function rowText(owners: string[]): string {
  let text = "";
  for (let at = 0; at < owners.length; ) {
    let end = at;
    while (end < owners.length && owners[end] === owners[at]) end++;
    if (end === owners.length && owners[at] === "") break;
    text += `${owners[at] === "" ? "-" : owners[at]}${end - at === 1 ? "" : (end - at).toString(36)}`;
    at = end;
  }
  return text;
}

function main(atlasPath: string, isoPath: string): void {
  const { countries } = readCountries(atlasPath, isoPath);
  const cells = Array.from({ length: ROWS * COLUMNS }, () => new Map<string, number>());
  // Land that is disputed or has no code of its own is nobody's.
  const codeOf = ({ code, name }: Country) => code ?? `?${name}`;
  const territories = readTerritories(new Set(countries.map(codeOf)));
  for (const country of countries) {
    for (const part of country.parts)
      addLand(cells, isNear(part, territories) ? "?territory" : codeOf(country), part);
  }
  const rows: string[] = [];
  for (let row = 0; row < ROWS; row++)
    rows.push(rowText(cells.slice(row * COLUMNS, (row + 1) * COLUMNS).map(ownerOf)));
  const module = `/**
 * Whose land lies in each cell of half a degree, in rows from ${-SOUTH} degrees south to ${NORTH} degrees north: runs from 180 degrees
 * west to the east, as country-at.ts reads them. Made by geo/make-country-cells.ts from Natural Earth 4.1 (public domain;
 * npm world-atlas 2.0.2, ISC).
 */
export const COUNTRY_CELLS = \`
${rows.join("\n")}
\`;
`;
  writeFileSync(join(import.meta.dirname, "../src/geo/country-cells.ts"), module);
}

const [atlasPath, isoPath] = process.argv.slice(2);
if (isoPath === undefined) {
  console.error("usage: make-country-cells.ts COUNTRIES_10M_JSON ISO_3166_1_JSON");
  process.exitCode = 2;
} else main(atlasPath!, isoPath);
