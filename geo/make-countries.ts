/**
 * Makes geo/countries.csv (continent and centroid of every country) and src/geo/countries.ts (the same rows as a
 * module, so that the core reads no file). Not part of the build; run it when a source changes:
 *
 *   node geo/make-countries.ts COUNTRIES_10M_JSON ISO_3166_1_JSON ZONE_TAB        (Node 22.18 or later)
 *
 * COUNTRIES_10M_JSON: countries-10m.json of the npm package world-atlas 2.0.2 (ISC), Natural Earth 4.1 (public domain).
 * ISO_3166_1_JSON: iso_3166-1.json of Debian's iso-codes, for numeric and alpha-2 codes (facts of ISO 3166-1).
 * ZONE_TAB: zone.tab of the tz database (public domain), for territories that Natural Earth draws as part of another.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ring, readCountries } from "./atlas.ts";

type Vector = [number, number, number];
/** Land farther than this from the country's largest part (French Guiana, Hawaii) does not move its centroid. */
const PART_LIMIT_KM = 2500;
const EARTH_RADIUS_KM = 6371;
/** Uninhabited, in neither source: coordinates as in the CIA World Factbook (public domain). */
const BY_HAND: Record<string, [number, number]> = { BV: [-54.43, 3.4], HM: [-53.1, 72.52] };

const root = join(import.meta.dirname, "..");

function toVector(longitude: number, latitude: number): Vector {
  const lambda = (longitude * Math.PI) / 180;
  const phi = (latitude * Math.PI) / 180;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Integral of the position vector over the inside of a ring: half the sum of edge angle times edge normal. */
function ringMoment(ring: Vector[]): Vector {
  const sum: Vector = [0, 0, 0];
  for (let at = 0; at + 1 < ring.length; at++) {
    const a = ring[at]!;
    const b = ring[at + 1]!;
    const cross: Vector = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    const sine = Math.hypot(...cross);
    if (sine < 1e-15) continue;
    const angle = Math.atan2(sine, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
    for (let axis = 0; axis < 3; axis++) sum[axis]! += (cross[axis]! / sine) * (angle / 2);
  }
  return sum;
}

function distanceKm(a: Vector, b: Vector): number {
  const scale = Math.hypot(...a) * Math.hypot(...b);
  return EARTH_RADIUS_KM * Math.acos(Math.min(1, (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / scale));
}

/** Moment of one polygon (its holes wind the other way and subtract themselves), turned to the side where it lies. */
function polygonMoment(rings: Ring[]): Vector {
  const total: Vector = [0, 0, 0];
  const outer: Vector = [0, 0, 0];
  rings.forEach((ring, index) => {
    const points = ring.map(([longitude, latitude]) => toVector(longitude, latitude));
    if (index === 0)
      for (const point of points) for (let axis = 0; axis < 3; axis++) outer[axis]! += point[axis]!;
    const moment = ringMoment(points);
    for (let axis = 0; axis < 3; axis++) total[axis]! += moment[axis]!;
  });
  const side = total[0] * outer[0] + total[1] * outer[1] + total[2] * outer[2] < 0 ? -1 : 1;
  return [total[0] * side, total[1] * side, total[2] * side];
}

function centroid(moments: Vector[]): [number, number] {
  moments.sort((a, b) => Math.hypot(...b) - Math.hypot(...a));
  const sum: Vector = [0, 0, 0];
  for (const moment of moments) {
    if (distanceKm(moment, moments[0]!) > PART_LIMIT_KM) continue;
    for (let axis = 0; axis < 3; axis++) sum[axis]! += moment[axis]!;
  }
  return [
    (Math.atan2(sum[2], Math.hypot(sum[0], sum[1])) * 180) / Math.PI,
    (Math.atan2(sum[1], sum[0]) * 180) / Math.PI,
  ];
}

/** `+4230+00131` or `+690406-0513042`: degrees, minutes and perhaps seconds of latitude and longitude. */
function parseTzCoordinates(text: string): [number, number] {
  const match = /^([+-])(\d\d)(\d\d)(\d\d)?([+-])(\d\d\d)(\d\d)(\d\d)?$/.exec(text);
  if (match === null) throw new Error(`zone.tab: ${text}`);
  const degrees = (at: number) =>
    (match[at] === "-" ? -1 : 1) *
    (Number(match[at + 1]) + Number(match[at + 2]) / 60 + Number(match[at + 3] ?? 0) / 3600);
  return [degrees(1), degrees(5)];
}

function main(atlasPath: string, isoPath: string, zonePath: string): void {
  const places = new Map<string, [number, number]>(Object.entries(BY_HAND));
  for (const line of readFileSync(zonePath, "utf8").split("\n")) {
    const [code, coordinates] = line.split("\t");
    if (line.startsWith("#") || code === undefined || coordinates === undefined) continue;
    if (!places.has(code)) places.set(code, parseTzCoordinates(coordinates));
  }
  const { countries, codes } = readCountries(atlasPath, isoPath);
  const parts = new Map<string, Vector[]>();
  for (const country of countries) {
    if (country.code === null) continue;
    parts.set(country.code, [...(parts.get(country.code) ?? []), ...country.parts.map(polygonMoment)]);
  }
  for (const [code, moments] of parts) {
    // The Vatican is smaller than the grid that the file is rounded to.
    if (moments.some((moment) => Math.hypot(...moment) > 0)) places.set(code, centroid(moments));
  }
  const rows: string[] = [];
  for (const line of readFileSync(join(root, "geo/continents.csv"), "utf8").split("\n")) {
    const [continent, countries] = line.split(",");
    if (line.startsWith("#") || continent === "continent" || countries === undefined) continue;
    for (const code of countries.split(" ")) {
      const place = places.get(code);
      if (place === undefined) throw new Error(`no coordinates for ${code}`);
      rows.push(`${code},${continent},${place[0].toFixed(2)},${place[1].toFixed(2)}`);
    }
  }
  const missing = codes.filter((code) => !rows.some((line) => line.startsWith(`${code},`)));
  if (missing.length > 0) throw new Error(`no continent for ${missing.join(" ")}`);
  write(rows.sort());
}

function write(rows: string[]): void {
  const source = [
    "Country, continent, and centroid in degrees. Made by geo/make-countries.ts from geo/continents.csv,",
    "Natural Earth 4.1 (public domain; npm world-atlas 2.0.2, ISC) and the tz database's zone.tab (public domain).",
  ];
  const csv = [...source.map((line) => `# ${line}`), "country,continent,latitude,longitude", ...rows, ""];
  writeFileSync(join(root, "geo/countries.csv"), csv.join("\n"));
  const module = [
    "/**",
    ...source.map((line) => ` * ${line}`),
    " */",
    "export const COUNTRY_ROWS = `",
    ...rows,
    "`;",
    "",
  ];
  writeFileSync(join(root, "src/geo/countries.ts"), module.join("\n"));
}

const [atlasPath, isoPath, zonePath] = process.argv.slice(2);
if (zonePath === undefined) {
  console.error("usage: make-countries.ts COUNTRIES_10M_JSON ISO_3166_1_JSON ZONE_TAB");
  process.exitCode = 2;
} else main(atlasPath!, isoPath!, zonePath);
