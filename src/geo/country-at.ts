import { findCountry } from "./country.ts";
import { COUNTRY_CELLS } from "./country-cells.ts";

const ROWS = COUNTRY_CELLS.slice(1).split("\n");
/** Degrees that the first row begins at. */
const SOUTH = -60;
const CELLS_PER_DEGREE = 2;
const COLUMNS = 360 * CELLS_PER_DEGREE;

/**
 * Number of the country whose land a place lies in, to half a degree; 0: at sea, or too near a border to be sure. One in
 * ten of a cell may be another country's.
 */
export function countryAt(latitude: number, longitude: number): number {
  const row = ROWS[Math.floor((latitude - SOUTH) * CELLS_PER_DEGREE)];
  if (row === undefined) return 0;
  const column = Math.floor((longitude + 180) * CELLS_PER_DEGREE) % COLUMNS;
  let end = 0;
  for (const [, code, length] of row.matchAll(/([A-Z]{2}|-)([0-9a-z]*)/g)) {
    end += length === "" ? 1 : Number.parseInt(length!, 36);
    if (column < end) return findCountry(code!);
  }
  return 0;
}
