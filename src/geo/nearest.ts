import { addChain, type ChainDraft, type ChainOf } from "./chains.ts";
import { placeOf } from "./location.ts";
import type { BiasedLocation } from "./table.ts";

/** All entries of a `nearest` table by growing distance from the client. */
export function nearestChains(places: readonly BiasedLocation[], chains: ChainDraft): ChainOf {
  const order = orderByDistance(places);
  const unknown = addChain(
    chains,
    places.map((_, index) => index),
  );
  const byCountry = new Map<number, number>();
  const sorted = (latitude: number, longitude: number) => addChain(chains, order(latitude, longitude));
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

/**
 * Sorts places by growing great-circle distance from a client, ties in the list's order, those that stand nowhere last.
 * The chord between unit vectors is exact nearby and knows no antimeridian. A bias counts as in Amazon's geoproximity: a
 * positive one shrinks the distance by that many hundredths, a negative one divides it by what is left of 1, so that -50
 * doubles what 50 halves.
 */
export function orderByDistance(
  places: readonly (BiasedLocation | null)[],
): (latitude: number, longitude: number) => number[] {
  const vectors = places.map((place) => (place === null ? null : toVector(place.latitude, place.longitude)));
  const factors = places.map((place) => {
    const bias = place?.bias ?? 0;
    return bias < 0 ? 100 / (100 + bias) : (100 - bias) / 100;
  });
  const listOrder = places.map((_, index) => index);
  const distances = new Float64Array(places.length);
  return (latitude, longitude) => {
    const client = toVector(latitude, longitude);
    for (const [index, vector] of vectors.entries())
      distances[index] = vector === null ? FARTHEST : arc(client, vector) * factors[index]!;
    return [...listOrder].sort((a, b) => distances[a]! - distances[b]! || a - b);
  };
}

/** Farther than half the circle with the strongest bias. */
const FARTHEST = 1_000;

type Vector = readonly [number, number, number];

function toVector(latitude: number, longitude: number): Vector {
  const phi = (latitude * Math.PI) / 180;
  const lambda = (longitude * Math.PI) / 180;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Mean radius of the Earth in kilometres (IUGG). */
const EARTH_KM = 6371;

/** Kilometres of the great circle between two places, whatever their bias. */
export function distanceKm(from: BiasedLocation, to: BiasedLocation): number {
  return arc(toVector(from.latitude, from.longitude), toVector(to.latitude, to.longitude)) * EARTH_KM;
}

/** Radians between two places. */
function arc(a: Vector, b: Vector): number {
  const chordSquared = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(chordSquared) / 2));
}
