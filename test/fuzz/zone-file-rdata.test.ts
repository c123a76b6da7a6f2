import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameFromText } from "../../src/wire/name-text.ts";
import { formatRdata, isRdataValid } from "../../src/wire/rdata/format.ts";
import { parseRdata } from "../../src/wire/rdata/parse.ts";
import { rdataTypeOf } from "../../src/wire/rdata/types.ts";
import { formatType, knownTypeNames, parseType } from "../../src/wire/registry.ts";

/** RDATA between text and octets: against dns-packet, and against itself with octets that nobody would send. */

interface RdataCodec {
  encode(data: unknown): Buffer;
  decode(octets: Buffer, offset: number): unknown;
}
const dnsPacket = createRequire(import.meta.url)("dns-packet") as { record(type: string): RdataCodec };

const label = fc.string({ unit: fc.constantFrom(..."abcXYZ0-_*"), minLength: 1, maxLength: 12 });
const host = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
const word16 = fc.integer({ min: 0, max: 0xffff });
const word32 = fc.integer({ min: 0, max: 0xffffffff });
const seconds = fc.integer({ min: 0, max: 0x7fffffff });
const octet = fc.integer({ min: 0, max: 255 });
const ascii = fc.string({ unit: "binary-ascii", maxLength: 60 });
const octets = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => Buffer.from(array));

/** What dns-packet takes as data of each type that it knows besides us. */
const DATA: Record<string, fc.Arbitrary<unknown>> = {
  A: fc.ipV4(),
  AAAA: fc.ipV6(),
  NS: host,
  CNAME: host,
  DNAME: host,
  PTR: host,
  SOA: fc.record({
    mname: host,
    rname: host,
    serial: word32,
    refresh: word32,
    retry: word32,
    expire: word32,
    minimum: seconds,
  }),
  MX: fc.record({ preference: word16, exchange: host }),
  TXT: fc.array(
    fc.uint8Array({ maxLength: 255 }).map((array) => Buffer.from(array)),
    { minLength: 1, maxLength: 5 },
  ),
  HINFO: fc.record({ cpu: ascii, os: ascii }),
  SRV: fc.record({ priority: word16, weight: word16, port: word16, target: host }),
  CAA: fc.record({ flags: octet, tag: fc.constantFrom("issue", "issuewild", "iodef"), value: ascii }),
  RP: fc.record({ mbox: host, txt: host }),
  DS: fc.record({ keyTag: word16, algorithm: octet, digestType: fc.constant(2), digest: octets(32) }),
  SSHFP: fc.record({
    algorithm: octet,
    hash: fc.constant(1),
    fingerprint: octets(20).map((digest) => digest.toString("hex")),
  }),
  TLSA: fc.record({ usage: octet, selector: octet, matchingType: fc.constant(1), certificate: octets(32) }),
  NAPTR: fc.record({
    order: word16,
    preference: word16,
    flags: fc.constantFrom("", "u", "s"),
    services: ascii,
    regexp: fc.constantFrom("", "!a!b!i"),
    replacement: host,
  }),
};

describe("RDATA that dns-packet writes", () => {
  it.each(Object.keys(DATA))("%s is shown, read again, and is the same", (type) => {
    const number = parseType(type);
    const codec = dnsPacket.record(type);
    fc.assert(
      fc.property(DATA[type]!, (data) => {
        // dns-packet puts RDLENGTH in front.
        const theirs = Uint8Array.from(codec.encode(data).subarray(2));
        expect(isRdataValid(number, theirs, 0, theirs.length)).toBe(true);
        const text = formatRdata(number, theirs, 0, theirs.length);
        expect(text).not.toMatch(/^\\#/);
        const ours = parseRdata(number, text);
        expect(ours).toEqual(theirs);
        const framed = Buffer.from([theirs.length >> 8, theirs.length & 0xff, ...(ours as Uint8Array)]);
        expect(codec.decode(framed, 0)).toEqual(codec.decode(codec.encode(data), 0));
      }),
      { numRuns: 300 },
    );
  });
});

const KNOWN = knownTypeNames()
  .map(parseType)
  .filter((type) => rdataTypeOf(type) !== undefined);

/** Octets that often are RDATA: names, lengths and small numbers among noise. */
const likely = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(
        Uint8Array.of(0),
        Uint8Array.of(0, 1),
        Uint8Array.of(3, 0x77, 0x57, 0x2e, 0),
        Uint8Array.of(0, 1, 0, 3, 2, 0x68, 0x32),
        Uint8Array.of(0, 3, 0, 2, 0, 80),
        Uint8Array.of(0, 0x12, 0x16, 0x13, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0x98, 0x96, 0x80),
        new Uint8Array(20),
      ),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

describe("octets that nobody would send", () => {
  it.each(KNOWN.map((type) => [formatType(type), type] as const))(
    "%s: decode, encode, decode is stable",
    (_name, type) => {
      fc.assert(
        fc.property(likely, (rdata) => {
          const text = formatRdata(type, rdata, 0, rdata.length);
          const isValid = isRdataValid(type, rdata, 0, rdata.length);
          expect(isValid).toBe(!text.startsWith("\\#"));
          const again = parseRdata(type, text);
          if (!isValid) {
            expect(again).toMatchObject({ kind: "value" });
            return;
          }
          // A regular expression may be shown that nobody would be let write.
          if (!(again instanceof Uint8Array)) {
            expect([type, again.what]).toEqual([35, expect.stringContaining("substitution")]);
            return;
          }
          expect(formatRdata(type, again, 0, again.length)).toBe(text);
        }),
        { numRuns: 300 },
      );
    },
  );

  it("are never read past their end", () => {
    fc.assert(
      fc.property(fc.constantFrom(...KNOWN), likely, fc.nat(40), (type, rdata, size) => {
        const behind = Uint8Array.from([...rdata.subarray(0, size), 0xaa, 0xbb, 0xcc]);
        const length = Math.min(size, rdata.length);
        const alone = rdata.slice(0, length);
        expect(formatRdata(type, behind, 0, length)).toBe(formatRdata(type, alone, 0, length));
      }),
    );
  });
});

describe("names", () => {
  it("of any octets are shown and read again", () => {
    const labels = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 3 });
    fc.assert(
      fc.property(labels, (parts) => {
        const wire = Uint8Array.from([...parts.flatMap((part) => [part.length, ...part]), 0]);
        const text = formatRdata(2, wire, 0, wire.length);
        expect(nameFromText(text)).toEqual(wire);
      }),
    );
  });
});
