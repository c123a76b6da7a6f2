import { describe, expect, it } from "vitest";
import { COUNTRIES } from "./country.ts";
import { countryAt } from "./country-at.ts";

function codeAt(latitude: number, longitude: number): string {
  return COUNTRIES[countryAt(latitude, longitude) - 1]?.code ?? "";
}

describe("countryAt", () => {
  it.each([
    ["Virginia", 38.9, -77.0, "US"],
    ["Oregon", 45.8, -119.7, "US"],
    ["San Diego", 32.72, -117.16, "US"],
    ["Montreal", 45.5, -73.57, "CA"],
    ["Vancouver", 49.28, -123.12, "CA"],
    ["Frankfurt", 50.1, 8.7, "DE"],
    ["Berlin", 52.5, 13.4, "DE"],
    ["Zurich", 47.4, 8.5, "CH"],
    ["Geneva", 46.2, 6.14, ""],
    ["Milan", 45.46, 9.19, "IT"],
    ["Dublin", 53.3, -6.3, "IE"],
    ["London", 51.5, -0.13, "GB"],
    ["Tokyo", 35.7, 139.7, "JP"],
    ["Osaka", 34.69, 135.5, "JP"],
    ["Busan", 35.18, 129.08, "KR"],
    ["Cayenne, which is no part of France here", 4.92, -52.31, ""],
    ["Seoul, an hour from the North", 37.57, 126.98, ""],
    ["Singapore", 1.35, 103.82, ""],
    ["Hong Kong", 22.3, 114.2, "HK"],
    ["Mumbai", 19.08, 72.88, "IN"],
    ["Hyderabad", 17.38, 78.48, "IN"],
    ["Sydney", -33.87, 151.2, "AU"],
    ["Perth", -31.95, 115.86, "AU"],
    ["Auckland", -36.85, 174.76, "NZ"],
    ["Cape Town", -33.92, 18.42, "ZA"],
    ["Sao Paulo", -23.55, -46.63, "BR"],
    ["Bahrain", 26.07, 50.55, "BH"],
    ["Reykjavik", 64.15, -21.94, "IS"],
    ["Suva, near the antimeridian", -18.1, 178.4, "FJ"],
    ["Provideniya, beyond it", 64.4, -173.2, "RU"],
  ])("%s", (_, latitude, longitude, code) => {
    expect(codeAt(latitude, longitude)).toBe(code);
  });

  it.each([
    ["the Atlantic", 35, -40],
    ["the South Pole", -90, 0],
    ["the North Pole", 90, 180],
    ["the antimeridian at the equator", 0, 180],
    ["the other side of it", 0, -180],
  ])("nobody's: %s", (_, latitude, longitude) => {
    expect(countryAt(latitude, longitude)).toBe(0);
  });

  it("takes no country's centroid for another's, but for Vietnam's, which is in Laos, and the smallest", () => {
    const others = COUNTRIES.filter(({ code, latitude, longitude }) => {
      const found = codeAt(latitude, longitude);
      return found !== "" && found !== code;
    });
    expect(others.map(({ code }) => code)).toEqual(["GI", "MC", "SM", "VA", "VN"]);
  });

  it("knows large countries everywhere", () => {
    const found = new Set<string>();
    for (let latitude = -59.75; latitude < 84; latitude += 0.5)
      for (let longitude = -179.75; longitude < 180; longitude += 0.5) found.add(codeAt(latitude, longitude));
    expect(found.size - 1).toBeGreaterThan(190);
  });
});
