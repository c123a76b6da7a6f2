import { addChain, type ChainDraft, type ChainOf } from "./chains.ts";
import { placeOf } from "./location.ts";
import type { BiasedLocation } from "./table.ts";

/**
 * All entries by growing great-circle distance, ties in the list's order. The chord between unit vectors is exact nearby
 * and knows no antimeridian. A bias counts as in Amazon's geoproximity: a positive one shrinks the distance by that many
 * hundredths, a negative one divides it by what is left of 1, so that -50 doubles what 50 halves.
 */
export function nearestChains(places: readonly BiasedLocation[], chains: ChainDraft): ChainOf {
  const vectors = places.map((place) => toVector(place.latitude, place.longitude));
  const factors = places.map(({ bias = 0 }) => (bias < 0 ? 100 / (100 + bias) : (100 - bias) / 100));
  const listOrder = vectors.map((_, index) => index);
  const unknown = addChain(chains, listOrder);
  const distances = new Float64Array(places.length);
  const byCountry = new Map<number, number>();
  const sorted = (latitude: number, longitude: number) => {
    const client = toVector(latitude, longitude);
    for (const [index, vector] of vectors.entries()) distances[index] = arc(client, vector) * factors[index]!;
    return addChain(
      chains,
      [...listOrder].sort((a, b) => distances[a]! - distances[b]! || a - b),
    );
  };
  return (locations, row) => {
    const place = locations === null ? null : placeOf(locations, row);
    if (locations === null || place === null) return unknown;
    if (!Number.isNaN(locations.latitudes[row]!)) return sorted(place.latitude, place.longitude);
    const country = locations.countries[row]!;
    let known = byCountry.get(country);
    if (known === undefined) {
      known = sorted(place.latitude, place.longitude);
      byCountry.set(country, known);
    }
    return known;
  };
}

type Vector = readonly [number, number, number];

function toVector(latitude: number, longitude: number): Vector {
  const phi = (latitude * Math.PI) / 180;
  const lambda = (longitude * Math.PI) / 180;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Radians between two places. */
function arc(a: Vector, b: Vector): number {
  const chordSquared = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(chordSquared) / 2));
}
