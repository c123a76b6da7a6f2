import { formatHex } from "./binary.ts";
import { mnemonic, number, putHex, takeOctets } from "./fields.ts";
import { type Field, hasWord, type RdataReader, type RdataType, refuse } from "./reader.ts";

/**
 * A digest in hexadecimal, to the end. The octet in front of it says the algorithm, `lengths` how many octets that
 * yields; algorithms not in it may have any length but zero.
 */
function digest(name: string, lengths: Record<number, number>): Field {
  return {
    parse: (reader: RdataReader) => {
      if (!hasWord(reader, name)) return false;
      const at = reader.at;
      const word = reader.next;
      const expected = lengths[reader.out[at - 1]!];
      if (!putHex(reader, name)) return false;
      const size = reader.at - at;
      if (size === (expected ?? size)) return true;
      return refuse(
        reader,
        word,
        "value",
        `the ${name} has ${size} octets`,
        `${expected} octets for its type`,
      );
    },
    format: (cursor) => {
      const expected = lengths[cursor.octets[cursor.at - 1]!] ?? cursor.end - cursor.at;
      const at = takeOctets(cursor, Math.max(expected, 1));
      return cursor.ok ? formatHex(cursor.octets, at, cursor.at) : "";
    },
  };
}

/** IANA "DNS Security Algorithm Numbers". */
const ALGORITHMS: Record<string, number> = {
  DELETE: 0,
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  "DSA-NSEC3-SHA1": 6,
  "RSASHA1-NSEC3-SHA1": 7,
  RSASHA256: 8,
  RSASHA512: 10,
  "ECC-GOST": 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
};

export const algorithm: Field = mnemonic("algorithm", ALGORITHMS);

/** DS and CDS (RFC 4034 section 5, RFC 8078): SHA-1, SHA-256 and SHA-384 have 20, 32 and 48 octets. */
export const DS: RdataType = [
  number("key tag", 2),
  algorithm,
  mnemonic("digest type", { "SHA-1": 1, SHA1: 1, "SHA-256": 2, SHA256: 2, "SHA-384": 4, SHA384: 4 }),
  digest("digest", { 1: 20, 2: 32, 4: 48 }),
];

/** RFC 4255 section 3.1, RFC 6594: SHA-1 and SHA-256. */
export const SSHFP: RdataType = [
  number("algorithm", 1),
  number("fingerprint type", 1),
  digest("fingerprint", { 1: 20, 2: 32 }),
];

/** TLSA (RFC 6698 section 2.1) and SMIMEA (RFC 8162): matching types SHA-256 and SHA-512. */
export const TLSA: RdataType = [
  number("certificate usage", 1),
  number("selector", 1),
  number("matching type", 1),
  digest("certificate association data", { 1: 32, 2: 64 }),
];
