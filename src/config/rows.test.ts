import { describe, expect, test } from "vitest";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  POOL_ROW_KEY_HIGH,
  POOL_ROW_KEY_LOW,
  POOL_ROW_WORDS,
  ROW_KEY_HIGH,
  ROW_KEY_LOW,
} from "../health/rows.ts";
import { claimEndpointRow, claimPoolRow, createRowRegistry, openGeneration, type RowClaim } from "./rows.ts";

const claim = (registry: ReturnType<typeof createRowRegistry>, address: string): RowClaim | null =>
  claimEndpointRow(registry, "example.com", "us", address, "web");

describe("rows", () => {
  test("are the same for the same identity, and others for others", () => {
    const registry = createRowRegistry(allocateHealthRows(16, 4), 0);
    openGeneration(registry, 1);
    const first = claim(registry, "192.0.2.1")!;
    expect(claim(registry, "192.0.2.1")).toEqual(first);
    const others = [
      claim(registry, "192.0.2.2")!,
      claimEndpointRow(registry, "example.org", "us", "192.0.2.1", "web")!,
      claimEndpointRow(registry, "example.com", "eu", "192.0.2.1", "web")!,
      claimEndpointRow(registry, "example.com", "us", "192.0.2.1", "tcp")!,
    ];
    expect(new Set([first, ...others].map(({ row }) => row)).size).toBe(5);
    expect(new Set([first, ...others].map(({ keyHigh, keyLow }) => `${keyHigh} ${keyLow}`)).size).toBe(5);
    expect(first.keyHigh | first.keyLow).not.toBe(0);
  });

  test("of pools are counted apart", () => {
    const registry = createRowRegistry(allocateHealthRows(16, 2), 0);
    openGeneration(registry, 1);
    expect(claim(registry, "192.0.2.1")!.row).toBe(0);
    expect(claimPoolRow(registry, "example.com", "us")!.row).toBe(0);
    expect(claimPoolRow(registry, "example.com", "eu")!.row).toBe(1);
    expect(claimPoolRow(registry, "example.com", "ap")).toBeNull();
  });

  test("run out", () => {
    const registry = createRowRegistry(allocateHealthRows(2, 2), 0);
    openGeneration(registry, 1);
    expect([claim(registry, "a")!.row, claim(registry, "b")!.row, claim(registry, "c")]).toEqual([
      0,
      1,
      null,
    ]);
    expect(claim(registry, "b")!.row).toBe(1);
  });

  test("are given to others only when two generations did not ask for them", () => {
    const registry = createRowRegistry(allocateHealthRows(2, 2), 0);
    openGeneration(registry, 1);
    claim(registry, "gone");
    claim(registry, "stays");
    for (const generation of [2, 3]) {
      openGeneration(registry, generation);
      expect(claim(registry, "stays")!.row).toBe(1);
      expect(claim(registry, "new")).toBeNull();
    }
    openGeneration(registry, 4);
    expect(claim(registry, "stays")!.row).toBe(1);
    expect(claim(registry, "new")!.row).toBe(0);
    expect(claim(registry, "gone")).toBeNull();
  });

  test("of an endpoint that comes back in time are its own again", () => {
    const registry = createRowRegistry(allocateHealthRows(8, 2), 0);
    openGeneration(registry, 1);
    const { row } = claim(registry, "back")!;
    openGeneration(registry, 2);
    claim(registry, "other");
    openGeneration(registry, 3);
    expect(claim(registry, "back")!.row).toBe(row);
  });

  test("survive attempts that came to nothing", () => {
    const registry = createRowRegistry(allocateHealthRows(2, 2), 0);
    openGeneration(registry, 5);
    claim(registry, "running");
    for (let attempt = 0; attempt < 10; attempt++) openGeneration(registry, 6);
    expect(claim(registry, "running")!.row).toBe(0);
  });

  test("the lowest free ones go first", () => {
    const registry = createRowRegistry(allocateHealthRows(8, 2), 0);
    openGeneration(registry, 1);
    for (const address of ["a", "b", "c", "d"]) claim(registry, address);
    for (const generation of [2, 3, 4]) {
      openGeneration(registry, generation);
      claim(registry, "c");
    }
    expect([claim(registry, "x")!.row, claim(registry, "y")!.row, claim(registry, "z")!.row]).toEqual([
      0, 1, 3,
    ]);
  });

  test("are found again by the identities that the prober wrote", () => {
    const rows = allocateHealthRows(8, 4);
    const before = createRowRegistry(rows, 0);
    openGeneration(before, 1);
    claim(before, "a");
    const b = claim(before, "b")!;
    claimPoolRow(before, "example.com", "other");
    const pool = claimPoolRow(before, "example.com", "us")!;
    rows.endpoints[b.row * ENDPOINT_ROW_WORDS + ROW_KEY_HIGH] = b.keyHigh;
    rows.endpoints[b.row * ENDPOINT_ROW_WORDS + ROW_KEY_LOW] = b.keyLow;
    rows.pools[pool.row * POOL_ROW_WORDS + POOL_ROW_KEY_HIGH] = pool.keyHigh;
    rows.pools[pool.row * POOL_ROW_WORDS + POOL_ROW_KEY_LOW] = pool.keyLow;

    const after = createRowRegistry(rows, 1);
    openGeneration(after, 2);
    expect(claim(after, "new")!.row).toBe(0);
    expect(claim(after, "b")).toEqual(b);
    expect(claimPoolRow(after, "example.com", "us")).toEqual(pool);
    expect(claimPoolRow(after, "example.com", "eu")!.row).toBe(0);
  });

  test("do not collide over a hundred thousand identities", () => {
    const registry = createRowRegistry(allocateHealthRows(131_072, 2), 0);
    openGeneration(registry, 1);
    const keys = new Set<string>();
    for (let i = 0; i < 100_000; i++) {
      const { keyHigh, keyLow } = claim(registry, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!;
      keys.add(`${keyHigh}:${keyLow}`);
    }
    expect(keys.size).toBe(100_000);
    expect(registry.endpoints.untouched).toBe(100_000);
  });
});
