import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { collectNow, createCollection } from "./collect.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("collectNow hands back what nothing refers to", () => {
  const reference = ((): WeakRef<Uint8Array> => new WeakRef(new Uint8Array(1000)))();
  vi.useRealTimers();
  return new Promise<void>((resolve) =>
    setImmediate(() => {
      collectNow();
      collectNow();
      expect(reference.deref()).toBeUndefined();
      resolve();
    }),
  );
});

it("several requests within the delay become one collection", () => {
  let collections = 0;
  const collection = createCollection(100, () => collections++);
  collection.request();
  vi.advanceTimersByTime(50);
  collection.request();
  vi.advanceTimersByTime(50);
  expect(collections).toBe(1);
  collection.request();
  vi.advanceTimersByTime(100);
  expect(collections).toBe(2);
});

it("a cancelled collection does not come", () => {
  let collections = 0;
  const collection = createCollection(100, () => collections++);
  collection.request();
  collection.cancel();
  collection.cancel();
  vi.advanceTimersByTime(1000);
  expect(collections).toBe(0);
});
