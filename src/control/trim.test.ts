import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Kernel, loadKernel } from "../serve/kernel.ts";
import { trimSoon } from "./trim.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pretend = (malloc_trim: Kernel["malloc_trim"]): typeof loadKernel =>
  (async () => ({ malloc_trim })) as unknown as typeof loadKernel;

it("several requests become one trim, and a later one another", async () => {
  const keeps: number[] = [];
  const load = pretend((keep) => keeps.push(keep));
  trimSoon(load);
  trimSoon(load);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(keeps).toEqual([0]);
  trimSoon(load);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(keeps).toEqual([0, 0]);
});

it("does without where the C library has none, or cannot be called", async () => {
  trimSoon(pretend(null));
  await vi.advanceTimersByTimeAsync(10_000);
  trimSoon(async () => "koffi cannot be loaded");
  await vi.advanceTimersByTimeAsync(10_000);
});

it("the C library of this host is asked", async () => {
  vi.useRealTimers();
  const kernel = await loadKernel();
  if (typeof kernel === "string" || kernel.malloc_trim === null) return;
  expect([0, 1]).toContain(kernel.malloc_trim(0));
});
