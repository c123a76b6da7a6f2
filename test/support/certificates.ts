import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** A certificate and its key, in PEM form. */
export interface Certificate {
  cert: string;
  key: string;
  privateKey: KeyObject;
  name: string;
}

export interface CertificateOptions {
  name: string;
  /** DNS names and IPv4 addresses, or ::1, that it is for. */
  hosts?: string[];
  /** Who signs; absent: itself. */
  issuer?: Certificate;
  notBefore?: Date;
  notAfter?: Date;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));

/** Makes an X.509 certificate (RFC 5280) with a fresh P-256 key; without an issuer it is a root. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = options.issuer;
  const now = Date.now();
  const tbs = sequence(
    tagged(0xa0, integer(2)),
    integer(1 + Math.floor(Math.random() * 0x7ffffff)),
    ECDSA_WITH_SHA256,
    commonName(issuer?.name ?? options.name),
    sequence(
      utcTime(options.notBefore ?? new Date(now - DAY_MS)),
      utcTime(options.notAfter ?? new Date(now + DAY_MS)),
    ),
    commonName(options.name),
    publicKey.export({ format: "der", type: "spki" }),
    tagged(0xa3, sequence(...extensions(options))),
  );
  const signature = sign("sha256", tbs, issuer?.privateKey ?? privateKey);
  const der = sequence(tbs, ECDSA_WITH_SHA256, tagged(0x03, Buffer.from([0]), signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    privateKey,
    name: options.name,
  };
}

function extensions(options: CertificateOptions): Buffer[] {
  const list: Buffer[] = [];
  if (options.issuer === undefined) {
    const basicConstraints = oid([0x55, 0x1d, 0x13]);
    list.push(
      sequence(
        basicConstraints,
        tagged(0x01, Buffer.from([0xff])),
        octetString(sequence(tagged(0x01, Buffer.from([0xff])))),
      ),
    );
  }
  if (options.hosts !== undefined) {
    const subjectAltName = oid([0x55, 0x1d, 0x11]);
    list.push(sequence(subjectAltName, octetString(sequence(...options.hosts.map(generalName)))));
  }
  return list;
}

function generalName(host: string): Buffer {
  if (isIPv4(host)) return tagged(0x87, Buffer.from(host.split(".").map(Number)));
  if (host === "::1") return tagged(0x87, Buffer.from([...new Uint8Array(15), 1]));
  return tagged(0x82, Buffer.from(host, "ascii"));
}

function commonName(name: string): Buffer {
  const attribute = sequence(oid([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(name, "utf8")));
  return sequence(tagged(0x31, attribute));
}

function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`, "ascii"));
}

function integer(value: number): Buffer {
  const octets = [value & 0xff];
  // DER: the fewest octets, and none whose first bit would make the number negative (X.690 section 8.3).
  for (let rest = value >>> 8; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff);
  if (octets[0]! > 0x7f) octets.unshift(0);
  return tagged(0x02, Buffer.from(octets));
}

function octetString(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function oid(octets: number[]): Buffer {
  return tagged(0x06, Buffer.from(octets));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
