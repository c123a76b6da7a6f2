import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildQuery } from "../../test/support/packet.ts";
import { removeFolder, temporaryFolder } from "../../test/support/temporary-folder.ts";
import { adoptSnapshot, answerQuery, type Context, createContext } from "../answer.ts";
import { allocateBlocks, type SharedBlocks, WORD_GENERATION, WORD_STARTED_S } from "../serve/blocks.ts";
import { OUT_OCTETS } from "../wire/response.ts";
import { createBuild } from "./build.ts";
import type { Built } from "./control.ts";
import { createTallyBook, type TallyBook, type TallyKind } from "./tally-book.ts";

const HEAD = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
const POOLS = `pools:
  two: {endpoints: [192.0.2.7, {name: b, address: [192.0.2.8, "2001:db8::8"]}]}
  one: {endpoints: [192.0.2.9]}
records:
  www: {policy: two, https: {}}
  both: {policy: {all: [one, two]}}
  gone: {policy: {failover: [one]}, last_resort: {addresses: [192.0.2.99]}}
`;

let folder: string;
let blocks: SharedBlocks;
let book: TallyBook;
let build: (generation: number) => Built;
/** The stream worker, and a UDP worker behind it. */
let workers: Context[];

beforeEach(() => {
  folder = temporaryFolder("tallies");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "steerd.yaml"), "zones: ./zones\n");
  write("a.example.zone", `${HEAD}to-b 60 CNAME www.b.example.\n`);
  write("b.example.zone", HEAD);
  write("b.example.yaml", POOLS);
  blocks = allocateBlocks(4);
  book = createTallyBook(blocks);
  const attempt = createBuild(join(folder, "steerd.yaml"), blocks);
  build = (generation) => attempt(generation, new Map(), false).built!;
  const first = build(1);
  workers = [0, 1].map(() => createContext(first.snapshot, blocks.rows, new Float64Array(128)));
  for (const { words } of [blocks.stream, blocks.udp[0]!]) words[WORD_STARTED_S] = 1;
  book.adopt(first.snapshot, first.names);
  for (const worker of [0, 1]) adopt(worker, first);
});
afterEach(() => removeFolder(folder));

function write(name: string, text: string): void {
  writeFileSync(join(folder, "zones", name), text);
}

function adopt(worker: number, { snapshot }: Built): void {
  adoptSnapshot(workers[worker]!, snapshot, worker);
  [blocks.stream, blocks.udp[0]!][worker]!.words[WORD_GENERATION] = snapshot.generation;
}

function ask(worker: number, name: string, times = 1, type = "A"): void {
  const packet = buildQuery({ name, type });
  const out = new Uint8Array(OUT_OCTETS);
  for (let i = 0; i < times; i++) answerQuery(packet, packet.length, workers[worker]!, out);
}

const shown = (kind: TallyKind, most = 100): Record<string, number> =>
  Object.fromEntries(
    book.largest(kind, most).map(({ labels, count }) => [Object.values(labels).join(" "), count]),
  );

describe("createTallyBook", () => {
  it("sums over the workers, by zone of QNAME, record, pool and address", () => {
    ask(0, "www.b.example.", 3);
    ask(1, "www.b.example.", 2);
    ask(1, "absent.a.example.");
    ask(0, "to-b.a.example.");
    ask(0, "elsewhere.invalid.", 7);
    expect(shown("zones")).toEqual({ "a.example": 2, "b.example": 5 });
    expect(shown("records")).toEqual({
      "b.example both.b.example.": 0,
      "b.example gone.b.example.": 0,
      "b.example www.b.example.": 6,
    });
    expect(shown("pools")).toEqual({ "b.example one": 0, "b.example two": 6 });
    expect(shown("endpoints")).toEqual({
      "b.example one 192.0.2.9 192.0.2.9": 0,
      "b.example two 192.0.2.7 192.0.2.7": 6,
      "b.example two b 192.0.2.8": 6,
      "b.example two b 2001:db8::8": 0,
    });
  });

  it("counts an answer of several pools once, and each of its addresses", () => {
    ask(0, "both.b.example.", 50);
    const pools = shown("pools");
    expect(pools["b.example one"]! + pools["b.example two"]!).toBe(50);
    expect(shown("endpoints")["b.example one 192.0.2.9 192.0.2.9"]).toBe(50);
    expect(shown("endpoints")["b.example two 192.0.2.7 192.0.2.7"]).toBe(50);
  });

  it("counts an answer with hints once, and the addresses of both families", () => {
    ask(0, "www.b.example.", 5, "HTTPS");
    expect(shown("records")["b.example www.b.example."]).toBe(5);
    expect(shown("pools")).toEqual({ "b.example one": 0, "b.example two": 5 });
    expect(shown("endpoints")["b.example two b 2001:db8::8"]).toBe(5);
    expect(shown("endpoints")["b.example two b 192.0.2.8"]).toBe(5);
  });

  it("shows the largest where there are more than it may", () => {
    ask(0, "www.b.example.", 3);
    ask(0, "ns.a.example.", 2);
    expect(shown("zones", 1)).toEqual({ "b.example": 3 });
    expect(shown("endpoints", 2)).toEqual({
      "b.example two 192.0.2.7 192.0.2.7": 3,
      "b.example two b 192.0.2.8": 3,
    });
  });

  it("goes on where it was after a reload, whichever worker is late", () => {
    ask(0, "www.b.example.", 3);
    write("b.example.yaml", POOLS.replace("192.0.2.7", "192.0.2.6"));
    write("0.example.zone", HEAD);
    const second = build(2);
    book.adopt(second.snapshot, second.names);
    adopt(0, second);
    ask(0, "www.b.example.", 10);
    ask(1, "www.b.example.", 100);
    const sums = { "0.example": 0, "a.example": 0, "b.example": 113 };
    expect(shown("zones")).toEqual(sums);
    expect(shown("endpoints")["b.example two b 192.0.2.8"]).toBe(113);
    adopt(1, second);
    expect(shown("zones")).toEqual(sums);
    ask(1, "www.b.example.", 1000);
    expect(shown("zones")["b.example"]).toBe(1113);
    expect(shown("endpoints")["b.example two 192.0.2.6 192.0.2.6"]).toBe(1010);
    expect(shown("endpoints")).not.toHaveProperty("b.example two 192.0.2.7 192.0.2.7");
    const third = build(3);
    book.adopt(third.snapshot, third.names);
    for (const worker of [0, 1]) adopt(worker, third);
    expect(shown("zones")["b.example"]).toBe(1113);
  });

  it("shows nothing before a configuration was accepted", () => {
    expect(createTallyBook(blocks).largest("zones", 10)).toEqual([]);
  });
});
