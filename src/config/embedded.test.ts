import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openDatabase } from "../geo/databases.ts";
import { embeddedPath, embeddedRuns, makeEmbeddedRuns, readRuns } from "./embedded.ts";

const octets = readFileSync(embeddedPath());
const file = Buffer.from(makeEmbeddedRuns(octets)!);

function open(known?: Parameters<typeof openDatabase>[4]) {
  const opened = openDatabase(octets, "country database", "country", null, known);
  if ("findings" in opened) throw new Error("the embedded database is damaged");
  return opened.database;
}

it("what the build writes of the embedded database is what a walk finds", () => {
  const walked = open();
  const runs = readRuns(file, octets)!;
  const known = open(() => runs);
  expect(known.steps[4]).toBe(runs.steps[4]);
  expect(known.locations).toEqual(walked.locations);
  for (const family of [4, 6] as const) {
    const { starts, values } = walked.steps[family];
    expect(Buffer.compare(bytes(runs.steps[family].starts), bytes(starts))).toBe(0);
    expect(Buffer.compare(bytes(runs.steps[family].values), bytes(values))).toBe(0);
  }
});

it("a database is walked where what is known of it does not fit its records", () => {
  const runs = readRuns(file, octets)!;
  const twice = { ...runs, offsets: runs.offsets.map((_, index) => runs.offsets[index >> 1]!) };
  expect(open(() => twice).steps[4]).not.toBe(runs.steps[4]);
});

it("nothing is known of another database than the build had", () => {
  expect(embeddedRuns(octets.subarray(0, octets.length - 1))).toBeNull();
});

it("runs that were damaged, wherever, are not read", () => {
  for (const at of [0, 40, 64, 100, file.length >> 1, file.length - 1]) {
    const damaged = Buffer.from(file);
    damaged[at]! ^= 1;
    expect(readRuns(damaged, octets), `octet ${at}`).toBeNull();
  }
  for (const length of [0, 33, 64, file.length >> 1])
    expect(readRuns(file.subarray(0, length), octets)).toBeNull();
});

function bytes({ buffer, byteOffset, byteLength }: Uint32Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
