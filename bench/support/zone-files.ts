import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Zone number `index` of a hoster with many small zones: some names each, no two alike. */
function smallZone(index: number, serial: number): string {
  const lines = [
    "$TTL 3600",
    `@ SOA ns1.hoster.example. hostmaster.hoster.example. ${serial} 7200 3600 1209600 300`,
    "@ NS ns1.hoster.example.",
    "@ NS ns2.hoster.example.",
    "@ MX 10 mail",
    `@ A 198.18.${(index >> 8) & 255}.${index & 255}`,
    `mail A 198.18.${(index >> 8) & 255}.${index & 255}`,
    'www CNAME "@"'.replaceAll('"', ""),
    `@ TXT "v=spf1 ip4:198.18.${(index >> 8) & 255}.${index & 255} -all"`,
    "*.preview 60 A 198.19.0.1",
    `shop 300 AAAA 2001:db8:${(index & 0xffff).toString(16)}::1`,
  ];
  return `${lines.join("\n")}\n`;
}

function smallPolicy(index: number): string {
  const octet = index & 255;
  return `ttl: 30
checks:
  web: {type: http, port: 80, path: /healthz, interval: 60s, timeout: 5s}
pools:
  eu: {endpoints: [203.0.113.${octet}]}
  us: {endpoints: [192.0.2.${octet}, 192.0.2.${(octet + 1) & 255}]}
records:
  gslb: {policy: {geo: {EU: {failover: [eu, us]}, default: us}}}
`;
}

/** `zones` master files, the first `dynamic` of them with a file of dynamic names beside it. */
export function writeSmallZones(folder: string, zones: number, dynamic: number): void {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < zones; index++) {
    writeSmallZone(folder, index, 1);
    if (index < dynamic) writeFileSync(join(folder, `zone-${index}.example.yaml`), smallPolicy(index));
  }
}

export function writeSmallZone(folder: string, index: number, serial: number): void {
  writeFileSync(join(folder, `zone-${index}.example.zone`), smallZone(index, serial));
}

/** One master file with `records` records at as many names, of the usual types. */
export function writeLargeZone(folder: string, records: number): void {
  mkdirSync(folder, { recursive: true });
  const lines = [
    "$TTL 3600",
    "@ SOA ns1.hoster.example. hostmaster.hoster.example. 1 7200 3600 1209600 300",
    "@ NS ns1.hoster.example.",
    "@ NS ns2.hoster.example.",
  ];
  for (let index = lines.length - 1; index < records; index++) {
    const host = `host-${index}`;
    switch (index % 10) {
      case 0:
        lines.push(`${host} 300 IN CNAME host-${index + 1}`);
        break;
      case 1:
        lines.push(`${host} IN MX 10 mail.hoster.example.`);
        break;
      case 2:
        lines.push(`${host} IN TXT "text of host ${index}"`);
        break;
      case 3:
        lines.push(
          `${host} IN AAAA 2001:db8::${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}`,
        );
        break;
      default:
        lines.push(`${host} IN A 198.18.${(index >> 8) & 255}.${index & 255}`);
    }
  }
  writeFileSync(join(folder, "large.example.zone"), `${lines.join("\n")}\n`);
}
