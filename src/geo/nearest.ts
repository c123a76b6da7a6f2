import { addChain, type ChainDraft, type ChainOf } from "./chains.ts";
import { placeOf } from "./location.ts";

/**
 * All entries by growing great-circle distance, ties in the list's order. Compared is the squared chord between unit
 * vectors, four times the haversine: it grows with the distance, is exact nearby, and knows no antimeridian.
 */
export function nearestChains(
  places: readonly { latitude: number; longitude: number }[],
  chains: ChainDraft,
): ChainOf {
  const vectors = places.map((place) => toVector(place.latitude, place.longitude));
  const listOrder = vectors.map((_, index) => index);
  const unknown = addChain(chains, listOrder);
  const distances = new Float64Array(places.length);
  const byCountry = new Map<number, number>();
  const sorted = (latitude: number, longitude: number) => {
    const client = toVector(latitude, longitude);
    for (const [index, vector] of vectors.entries()) distances[index] = chordSquared(client, vector);
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

function chordSquared(a: Vector, b: Vector): number {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}
