/**
 * Finds messages in a stream of octets (RFC 1035 section 4.2.2: two octets of length, then the message), however it
 * was cut into chunks. A message that lies whole in a chunk is not copied.
 */
export interface FrameReader {
  chunk: Uint8Array;
  at: number;
  /** Length field and message of one that is not whole yet. Grows with what came, not with what was announced. */
  partial: Uint8Array;
  partialLength: number;
  /** The message that nextFrame found; valid until the next call. */
  message: Uint8Array;
}

/** Nothing more until the next chunk. */
export const FRAME_NONE = 0;
/** The length field says less than a header: what follows cannot be trusted. */
export const FRAME_BAD = -1;

/** A header (RFC 1035 section 4.1.1). */
const MIN_MESSAGE_OCTETS = 12;
const PARTIAL_OCTETS = 512;
const EMPTY = new Uint8Array(0);

export function createFrameReader(): FrameReader {
  return { chunk: EMPTY, at: 0, partial: EMPTY, partialLength: 0, message: EMPTY };
}

/** Hands the reader the next octets; the chunk before has been read to its end. */
export function feed(reader: FrameReader, chunk: Uint8Array): void {
  reader.chunk = chunk;
  reader.at = 0;
}

/** Length of the next message, now in `reader.message`; FRAME_NONE or FRAME_BAD. */
export function nextFrame(reader: FrameReader): number {
  if (reader.partialLength > 0) return completePartial(reader);
  const { chunk, at } = reader;
  const left = chunk.length - at;
  if (left >= 2) {
    const length = chunk[at]! * 256 + chunk[at + 1]!;
    if (length < MIN_MESSAGE_OCTETS) return FRAME_BAD;
    if (left >= length + 2) {
      reader.message = chunk.subarray(at + 2, at + 2 + length);
      reader.at = at + 2 + length;
      return length;
    }
  }
  keep(reader, left);
  return FRAME_NONE;
}

/** Whether a message has begun and not ended. */
export function hasPartial(reader: FrameReader): boolean {
  return reader.partialLength > 0;
}

function completePartial(reader: FrameReader): number {
  if (reader.partialLength < 2) keep(reader, Math.min(2 - reader.partialLength, left(reader)));
  if (reader.partialLength < 2) return FRAME_NONE;
  const length = reader.partial[0]! * 256 + reader.partial[1]!;
  if (length < MIN_MESSAGE_OCTETS) return FRAME_BAD;
  keep(reader, Math.min(length + 2 - reader.partialLength, left(reader)));
  if (reader.partialLength < length + 2) return FRAME_NONE;
  reader.message = reader.partial.subarray(2, length + 2);
  reader.partialLength = 0;
  if (reader.partial.length > PARTIAL_OCTETS) reader.partial = EMPTY;
  return length;
}

function left(reader: FrameReader): number {
  return reader.chunk.length - reader.at;
}

/** Moves octets of the chunk to the partial message. */
function keep(reader: FrameReader, count: number): void {
  const needed = reader.partialLength + count;
  if (reader.partial.length < needed) {
    const grown = new Uint8Array(Math.max(PARTIAL_OCTETS, needed, reader.partial.length * 2));
    grown.set(reader.partial.subarray(0, reader.partialLength));
    reader.partial = grown;
  }
  reader.partial.set(reader.chunk.subarray(reader.at, reader.at + count), reader.partialLength);
  reader.partialLength = needed;
  reader.at += count;
}
