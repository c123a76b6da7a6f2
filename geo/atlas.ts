import { readFileSync } from "node:fs";

/** The borders of Natural Earth, as world-atlas has them: TopoJSON, whose arcs are steps between points of a grid. */
interface Topology {
  transform: { scale: [number, number]; translate: [number, number] };
  arcs: [number, number][][];
  objects: { countries: { geometries: Geometry[] } };
}
interface Geometry {
  type: "Polygon" | "MultiPolygon";
  id?: string;
  properties: { name: string };
  arcs: number[][] | number[][][];
}

/** Longitude and latitude of each point, in degrees; the last one is the first. */
export type Ring = [number, number][];

export interface Country {
  /** ISO 3166-1 alpha-2, or XK; null: it is disputed or has no code of its own. */
  code: string | null;
  name: string;
  /** Rings of each part: its outline, and then its holes. */
  parts: Ring[][];
}

/** User-assigned code; Natural Earth gives this country no ISO number. */
const BY_NAME: Record<string, string> = { Kosovo: "XK" };

/**
 * Reads countries-10m.json of the npm package world-atlas 2.0.2 (ISC; Natural Earth 4.1, public domain), and
 * iso_3166-1.json of Debian's iso-codes for its codes (facts of ISO 3166-1), all of which are `codes`.
 */
export function readCountries(atlasPath: string, isoPath: string): { countries: Country[]; codes: string[] } {
  const iso = JSON.parse(readFileSync(isoPath, "utf8")) as {
    "3166-1": { alpha_2: string; numeric: string }[];
  };
  const byNumber = new Map(iso["3166-1"].map((row) => [row.numeric, row.alpha_2]));
  const atlas = JSON.parse(readFileSync(atlasPath, "utf8")) as Topology;
  const arcs = decodeArcs(atlas);
  const countries = atlas.objects.countries.geometries.map((geometry): Country => {
    const { name } = geometry.properties;
    const code = BY_NAME[name] ?? byNumber.get(geometry.id ?? "") ?? null;
    return { code, name, parts: decodeParts(geometry, arcs) };
  });
  return { countries, codes: iso["3166-1"].map((row) => row.alpha_2) };
}

function decodeArcs({ arcs, transform: { scale, translate } }: Topology): Ring[] {
  return arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([dx, dy]): [number, number] => {
      x += dx;
      y += dy;
      return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    });
  });
}

function decodeParts(geometry: Geometry, arcs: Ring[]): Ring[][] {
  const polygons = (geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs) as number[][][];
  return polygons.map((rings) =>
    rings.map((ring) => ring.flatMap((arc) => (arc < 0 ? [...arcs[~arc]!].reverse() : arcs[arc]!))),
  );
}
