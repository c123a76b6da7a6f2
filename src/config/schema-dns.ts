import * as z from "zod";
import { nameFromText } from "../wire/name-text.ts";
import { formatRdata } from "../wire/rdata/format.ts";
import { parseRdata } from "../wire/rdata/parse.ts";
import { isMetaType, parseRcode, parseType } from "../wire/registry.ts";
import { portRow } from "./schema-rows.ts";

/** What a check over DNS asks for, and what it expects. */

const NAME = "a domain name, as www.example.net";
const TYPE = "a record type that answers have, as A, SOA or TYPE65";
const RCODE = "a response code, as NOERROR or NXDOMAIN";
const TRANSPORT = "udp or tcp";
const ANSWER = "a list of record data, as [192.0.2.10]";
const ROOT = Uint8Array.of(0);

export const dnsOptions = {
  type: z.literal("dns").describe("A DNS server that answers as expected is a success"),
  port: portRow.default(53).describe("Port to ask"),
  query: z
    .string({ error: NAME })
    .refine((text) => typeof nameFromText(text, ROOT) !== "number", { error: NAME })
    .transform((text) => (text.endsWith(".") ? text : `${text}.`))
    .describe("Name to ask for"),
  query_type: z
    .string({ error: TYPE })
    .refine((text) => parseType(text) > 0 && !isMetaType(parseType(text)), { error: TYPE })
    .transform(parseType)
    .prefault("A")
    .describe("Record type to ask for"),
  transport: z.enum(["udp", "tcp"], { error: TRANSPORT }).default("udp").describe("Transport of the query"),
  recursion: z
    .boolean({ error: "true or false" })
    .default(false)
    .describe("Ask for recursion: for resolvers, not for authoritative servers"),
  expect_rcode: z
    .string({ error: RCODE })
    .refine((text) => parseRcode(text) >= 0, { error: RCODE })
    .transform(parseRcode)
    .prefault("NOERROR")
    .describe("Response code that counts as success"),
  expect_answer: z
    .array(z.string({ error: ANSWER }), { error: ANSWER })
    .min(1, { error: ANSWER })
    .max(64, { error: "at most 64 answers" })
    .optional()
    .describe(
      "Data of records of that type, as in a master file, each of which must be among the answers; absent: any answer will do, also none",
    ),
};

interface Asked {
  query_type: number;
  expect_answer?: string[] | undefined;
}

/** The presentation form that answers are compared in; null: the text is no data of that type. */
export function canonicalAnswer(type: number, text: string): string | null {
  const octets = parseRdata(type, text, ROOT);
  return octets instanceof Uint8Array ? formatRdata(type, octets, 0, octets.length).toLowerCase() : null;
}

export function answersFit(
  { query_type: type, expect_answer: answers = [] }: Asked,
  context: z.RefinementCtx,
): void {
  for (const [index, text] of answers.entries()) {
    if (canonicalAnswer(type, text) !== null) continue;
    const message = "data of the record type in query_type";
    context.addIssue({ code: "custom", path: ["expect_answer", index], message });
  }
}
