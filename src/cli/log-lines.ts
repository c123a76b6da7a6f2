import { closeSync, constants, createReadStream, fstatSync, openSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type FileFault, notRegular, unreadable } from "../config/steady-file.ts";

/** A line that is longer than this is no line of a log: its beginning counts for all of it. */
export const MAX_LINE_OCTETS = 4096;

/** What has gone on for so long without a line end is no log: reading on would take until the disk, or the patience, ends. */
const MAX_UNENDED_OCTETS = 16 * 2 ** 20;

/** RFC 1952 section 2.3.1. */
const GZIP_MAGIC = [0x1f, 0x8b];

export interface LogLines {
  /** `-`: standard input. */
  path: string;
  /** Number of octets of the file that were read, compressed or not. */
  onOctets: (octets: number) => void;
  /** False: read no further. `line` has no line end. */
  onLine: (line: string) => boolean;
}

/** Reads a log line by line, out of gzip where it begins like one. What went wrong is returned, else null. */
export async function readLogLines(
  { path, onOctets, onLine }: LogLines,
  stdin: Readable = process.stdin,
): Promise<FileFault | null> {
  const source = path === "-" ? stdin : openLog(path);
  if (!("destroy" in source)) return source;
  const lines = createLineSplitter(onLine);
  try {
    const chunks = countedChunks(source, onOctets);
    const first = await firstOctets(chunks);
    const all = joined(first.held, chunks);
    for await (const chunk of first.isGzip ? gunzipped(all) : all) {
      if (!lines.add(chunk)) return null;
      if (lines.unended() > MAX_UNENDED_OCTETS) return NO_LINES;
    }
    lines.end();
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_")) return unreadable(error);
    return {
      code: "GEO_LATENCY_LOG",
      what: `the compressed log is cut or corrupt (${code})`,
      expected: "a whole gzip file",
    };
  } finally {
    source.destroy();
  }
}

const NO_LINES: FileFault = {
  code: "GEO_LATENCY_LOG",
  what: `a line has more than ${MAX_UNENDED_OCTETS} octets`,
  expected: "lines with a client address, a region and milliseconds",
};

/** A log as far as it goes now: what is appended meanwhile is for the next time. */
function openLog(path: string): Readable | FileFault {
  let descriptor: number;
  try {
    // A pipe would otherwise hold up the open until someone writes to it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return unreadable(error);
  }
  const stats = fstatSync(descriptor);
  if (stats.isFile() && stats.size > 0)
    return createReadStream(path, { fd: descriptor, start: 0, end: stats.size - 1 });
  closeSync(descriptor);
  return stats.isFile() ? Readable.from([]) : notRegular(stats);
}

async function* countedChunks(source: Readable, onOctets: (octets: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    onOctets((chunk as Buffer).length);
    yield chunk as Buffer;
  }
}

/** Reads until it is known whether the log is compressed. */
async function firstOctets(chunks: AsyncGenerator<Buffer>): Promise<{ held: Buffer; isGzip: boolean }> {
  let held = Buffer.alloc(0);
  while (held.length < GZIP_MAGIC.length) {
    const next = await chunks.next();
    if (next.done === true) break;
    held = Buffer.concat([held, next.value]);
  }
  return { held, isGzip: GZIP_MAGIC.every((octet, at) => held[at] === octet) };
}

async function* joined(held: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield held;
  yield* rest;
}

/** What is wrong with either end comes out of the stream that is read. */
function gunzipped(chunks: AsyncGenerator<Buffer>): Readable {
  return pipeline(Readable.from(chunks), createGunzip(), () => undefined);
}

interface LineSplitter {
  /** False: no more is wanted. */
  add(chunk: Buffer): boolean;
  /** The last line may have no line end. */
  end(): void;
  /** Octets since the last line end. */
  unended(): number;
}

function createLineSplitter(onLine: (line: string) => boolean): LineSplitter {
  /** Beginning of a line that goes on in the next chunk. */
  let held = "";
  let unended = 0;
  const finish = (text: string): boolean => {
    const line = (held + text).slice(0, MAX_LINE_OCTETS);
    held = "";
    return onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  };
  return {
    add(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const cut = Math.min(end, start + MAX_LINE_OCTETS);
        const isWanted = finish(chunk.toString("latin1", start, cut));
        start = end + 1;
        unended = 0;
        if (!isWanted) return false;
      }
      unended += chunk.length - start;
      const room = Math.max(0, MAX_LINE_OCTETS - held.length);
      held += chunk.toString("latin1", start, Math.min(chunk.length, start + room));
      return true;
    },
    end() {
      if (held !== "") finish("");
    },
    unended: () => unended,
  };
}
