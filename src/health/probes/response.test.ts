import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reasonText } from "../reasons.ts";
import { BODY_OCTETS_MAX, expectationOf } from "./expectation.ts";
import { ResponseReader } from "./response.ts";

interface Read {
  reason: string;
  status: number;
}

/** Feeds a response in pieces of `size` octets; `closed` ends the connection after the last one. */
function read(text: string, expect: { status?: number[]; body?: string }, size: number, closed = true): Read {
  const reader = new ResponseReader(
    expectationOf({ expectStatus: expect.status ?? [], expectBody: expect.body ?? "" })!,
  );
  const octets = Buffer.from(text, "latin1");
  let reason = 0;
  for (let at = 0; at < octets.length && reason === 0; at += size) {
    reason = reader.feed(octets.subarray(at, at + size));
  }
  if (reason === 0 && closed) reason = reader.end();
  return { reason: reasonText(reason), status: reader.status };
}

/** All that a reader says of a response that comes in these pieces, one that reads to its end. */
function verdictOf(pieces: readonly string[]): object {
  const reader = new ResponseReader(expectationOf({ expectStatus: [], expectBody: "" })!, false, true);
  let reason = 0;
  for (const piece of pieces) if (reason === 0) reason = reader.feed(Buffer.from(piece, "latin1"));
  const { status, inBody, isReusable, isSatisfied } = reader;
  return { reason: reasonText(reason), status, inBody, isReusable, isSatisfied };
}

const OK = "HTTP/1.1 200 OK\r\n";

describe("ResponseReader", () => {
  const rows: [what: string, text: string, expect: { status?: number[]; body?: string }, reason: string][] = [
    ["a length and its body", `${OK}Content-Length: 5\r\n\r\nhello`, { body: "hello" }, "ok"],
    ["no body expected, none there", `${OK}Content-Length: 0\r\n\r\n`, {}, "ok"],
    ["empty body, text expected", `${OK}Content-Length: 0\r\n\r\n`, { body: "x" }, "body-mismatch"],
    ["text at the end of the body", `${OK}Content-Length: 8\r\n\r\n123hello`, { body: "hello" }, "ok"],
    ["another text", `${OK}Content-Length: 5\r\n\r\nhallo`, { body: "hello" }, "body-mismatch"],
    ["octets behind the length", `${OK}Content-Length: 2\r\n\r\nhello`, { body: "hello" }, "body-mismatch"],
    ["HTTP/1.0 that ends by closing", "HTTP/1.0 200 OK\r\n\r\nhello", { body: "hello" }, "ok"],
    ["closed, text missing", "HTTP/1.0 200 OK\r\n\r\nhell", { body: "hello" }, "body-mismatch"],
    ["closed within a length", `${OK}Content-Length: 9\r\n\r\nhello`, {}, "closed"],
    ["closed within the head", `${OK}Content-Le`, {}, "closed"],
    ["nothing at all", "", {}, "closed"],
    [
      "chunks",
      `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n`,
      { body: "hello" },
      "ok",
    ],
    [
      "chunks without the text",
      `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
      { body: "y" },
      "body-mismatch",
    ],
    ["chunks cut off", `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhe`, {}, "closed"],
    ["a chunk size that is none", `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, {}, "malformed"],
    [
      "a chunk longer than its size",
      `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n`,
      {},
      "malformed",
    ],
    [
      "a chunk line without end",
      `${OK}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(300)}`,
      {},
      "malformed",
    ],
    [
      "chunked beats length",
      `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      { body: "ok" },
      "ok",
    ],
    [
      "another transfer coding: to the end",
      `${OK}Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nok`,
      { body: "ok" },
      "ok",
    ],
    ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", { body: "ok" }, "ok"],
    ["no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", {}, "ok"],
    [
      "interim responses first",
      `HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
      { body: "ok" },
      "ok",
    ],
    ["switching protocols is final", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", {}, "status-101"],
    ["204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", {}, "ok"],
    [
      "304 expected, text expected",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      { status: [304], body: "x" },
      "body-mismatch",
    ],
    [
      "a failure of the server",
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno",
      {},
      "status-503",
    ],
    ["a redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", {}, "status-302"],
    [
      "a redirect that is expected",
      "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
      { status: [301, 302] },
      "ok",
    ],
    ["200 when only 204 will do", `${OK}Content-Length: 0\r\n\r\n`, { status: [204] }, "status-200"],
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n", {}, "malformed"],
    ["HTTP/2 without asking", "HTTP/2 200\r\n\r\n", {}, "malformed"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", {}, "malformed"],
    ["a status without version", "200 OK\r\n\r\n", {}, "malformed"],
    ["a header without colon", `${OK}nonsense\r\n\r\n`, {}, "malformed"],
    [
      "names in capitals",
      `${OK}SERVER: x\r\nCONTENT-LENGTH: 5\r\n\r\nhello, world`,
      { body: "hello," },
      "body-mismatch",
    ],
    ["a header whose value has a colon, without name", `${OK}: x: y\r\n\r\n`, {}, "malformed"],
    ["a header without name", `${OK}: x\r\n\r\n`, {}, "malformed"],
    ["a folded header", `${OK}X: a\r\n b\r\n\tc\r\nContent-Length: 0\r\n\r\n`, {}, "ok"],
    ["a length that is no number", `${OK}Content-Length: -1\r\n\r\n`, {}, "malformed"],
    ["two lengths", `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, {}, "malformed"],
    [
      "the same length twice",
      `${OK}Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok`,
      { body: "ok" },
      "ok",
    ],
    ["a head without end", `${OK}${"X: yyyyyyyyyyyyyyyy\r\n".repeat(900)}`, {}, "malformed"],
    ["a line without end", `${OK}X: ${"y".repeat(20_000)}`, {}, "malformed"],
    [
      "gzip although identity was asked",
      `${OK}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx`,
      { body: "x" },
      "body-encoded",
    ],
    ["gzip when no text is expected", `${OK}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx`, {}, "ok"],
    [
      "identity said aloud",
      `${OK}Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nxx`,
      { body: "x" },
      "ok",
    ],
  ];

  it.each(rows)("%s", (_what, text, expected, reason) => {
    for (const size of [1, 7, text.length + 1]) expect(read(text, expected, size).reason).toBe(reason);
  });

  it("row 60: looks at 5,120 octets of a body and no further", () => {
    const filler = "x".repeat(BODY_OCTETS_MAX - 2);
    const head = `${OK}Content-Length: 999999\r\n\r\n`;
    expect(read(`${head}${filler}ok`, { body: "ok" }, 100, false).reason).toBe("ok");
    expect(read(`${head}${filler}xok`, { body: "ok" }, 100, false).reason).toBe("body-mismatch");
    expect(read(`${head}${filler}xx`, {}, 100, false).reason).toBe("ok");
    expect(read(`${head}${filler}x`, {}, 100, false).reason).toBe("none");
    const chunk = `a\r\n${"y".repeat(10)}\r\n`;
    const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(600)}`;
    expect(read(chunked, { body: "ok" }, 100, false).reason).toBe("body-mismatch");
  });

  it("is satisfied as soon as the text has come", () => {
    expect(read(`${OK}Content-Length: 500\r\n\r\n..hello`, { body: "hello" }, 3, false).reason).toBe("ok");
  });

  it("compares text octet for octet, in UTF-8", () => {
    const body = Buffer.from("zustand: grün", "utf8").toString("latin1");
    expect(read(`HTTP/1.1 200 OK\r\n\r\n${body}`, { body: "grün" }, 2).reason).toBe("ok");
  });

  // Lines that come whole are read as octets, others as text.
  it("reads heads the same in one piece and octet by octet", () => {
    const line = fc.constantFrom(
      "Content-Length: 3",
      "content-LENGTH:3",
      "Content-Length:  03",
      "Content-Length: 3 ",
      "Content-Length: 3x",
      "Content-Length: 9999999999",
      "Content-Length:",
      "Connection: keep-alive",
      "CONNECTION: Keep-Alive",
      "Connection: keep-alive, close",
      "Connection: close",
      "Xonnection: close",
      "Server: x",
      " folded: yes",
      "Transfer-Encoding: chunked",
      "nonsense",
    );
    const status = fc.constantFrom(
      ...["HTTP/1.1 200 OK", "HTTP/1.0 200", "http/1.1 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1 099 OK"],
      ...["HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 200\tOK", "HTTP/1.1 200 O\tK", "HTTP/1.1 200 O\rK"],
      ...["HTTP/1.1-200 OK", "HTTP/1.1 503 no", "HTTP/1.1 600 no", "HTTP/1.1 100 Continue"],
    );
    const head = fc.record({
      status,
      lines: fc.array(line, { maxLength: 4 }),
      end: fc.constantFrom("\r\n", "\n"),
    });
    fc.assert(
      fc.property(head, ({ status, lines, end }) => {
        const text = [status, ...lines, "", ""].join(end);
        for (const body of ["abc", "3\r\nabc\r\n0\r\n\r\n"])
          expect(verdictOf([text, body])).toEqual(verdictOf([...text, body]));
      }),
      { seed: 1, numRuns: 3_000 },
    );
  });

  it("reads the same whatever the pieces", () => {
    const alphabet = fc.constantFrom(
      "HTTP/1.1 200 OK",
      "\r\n",
      "\n",
      "Content-Length: 3",
      "5",
      "abc",
      ":",
      " ",
      "0",
      "\r",
      "Transfer-Encoding: chunked",
      "é",
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (parts, size) => {
        const text = parts.join("");
        expect(read(text, { body: "abc" }, size)).toEqual(read(text, { body: "abc" }, 1_000));
      }),
      { numRuns: 2_000 },
    );
  });
});
