import type { Answer } from "../../src/serve/plane.ts";

/** What a transport asks, for a test that thinks in octets. */
export function onOctets(answer: (packet: Uint8Array, length: number, out: Uint8Array) => number): Answer {
  const octetsOf = ({ buffer, byteOffset, byteLength }: DataView): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength);
  return (packet, length, out) => answer(octetsOf(packet), length, octetsOf(out));
}
