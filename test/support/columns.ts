import type { RecordColumns } from "../../src/zone/record-columns.ts";

/** Record types that the builders below write. */
const TYPES: Record<string, number> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  DNAME: 39,
  DS: 43,
};

/** Wire form of a name in presentation form without escapes, the final dot optional. */
export function wireName(text: string): number[] {
  const labels = text.replace(/\.$/, "").split(".");
  if (text === "." || text === "") return [0];
  return [...labels.flatMap((label) => [label.length, ...Buffer.from(label, "latin1")]), 0];
}

function rdata(type: string, text: string): number[] {
  switch (type) {
    case "A":
      return text.split(".").map(Number);
    case "AAAA":
      return [0x20, 1, 0x0d, 0xb8, ...Array<number>(11).fill(0), Number(text)];
    case "SOA": {
      const [mname = "", rname = "", minimum = "60"] = text.split(" ");
      return [...wireName(mname), ...wireName(rname), ...Array<number>(16).fill(0), 0, 0, 0, Number(minimum)];
    }
    case "MX":
      return [0, 10, ...wireName(text)];
    case "TXT":
      return [text.length, ...Buffer.from(text, "latin1")];
    case "DS":
      return [0, 1, 8, 2, 1, 2, 3, 4];
    default:
      return wireName(text);
  }
}

/**
 * Columns of a zone from lines `owner ttl type data`: a few types, absolute names, for tests that should not depend on
 * the master-file parser.
 */
export function columnsOf(origin: string, lines: readonly string[]): RecordColumns {
  const octets: number[] = [];
  const owner: number[] = [];
  const type: number[] = [];
  const ttl: number[] = [];
  const offsets: number[] = [];
  const lengths: number[] = [];
  for (const line of lines) {
    const [name = "", seconds = "", kind = "", ...data] = line.split(/\s+/);
    owner.push(octets.length);
    octets.push(...wireName(name.toLowerCase()));
    const bytes = rdata(kind, data.join(" "));
    type.push(TYPES[kind]!);
    ttl.push(Number(seconds));
    offsets.push(octets.length);
    lengths.push(bytes.length);
    octets.push(...bytes);
  }
  return {
    origin: Uint8Array.from(wireName(origin)),
    count: lines.length,
    owner: Int32Array.from(owner),
    type: Uint16Array.from(type),
    ttl: Int32Array.from(ttl),
    rdata: Int32Array.from(offsets),
    rdlength: Uint16Array.from(lengths),
    line: Int32Array.from(lines, (_line, i) => i + 1),
    file: new Uint16Array(lines.length),
    octets: Uint8Array.from(octets),
    files: [origin],
  };
}
