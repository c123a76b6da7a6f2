import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type FileFault, unreadable } from "../config/steady-file.ts";

/** A line that is longer than this is no line of a log: its beginning counts for all of it. */
export const MAX_LINE_OCTETS = 4096;

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
  const source: Readable = path === "-" ? stdin : createReadStream(path);
  const lines = createLineSplitter(onLine);
  try {
    const chunks = countedChunks(source, onOctets);
    const first = await firstOctets(chunks);
    const all = joined(first.held, chunks);
    for await (const chunk of first.isGzip ? gunzipped(all) : all) if (!lines.add(chunk)) return null;
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
}

function createLineSplitter(onLine: (line: string) => boolean): LineSplitter {
  /** Beginning of a line that goes on in the next chunk. */
  let held = "";
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
        if (!isWanted) return false;
      }
      const room = Math.max(0, MAX_LINE_OCTETS - held.length);
      held += chunk.toString("latin1", start, Math.min(chunk.length, start + room));
      return true;
    },
    end() {
      if (held !== "") finish("");
    },
  };
}
