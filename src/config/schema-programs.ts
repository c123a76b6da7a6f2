import * as z from "zod";
import { durationRow } from "./schema-rows.ts";

/** What checks ask of programs and files of this host. */

const COMMAND =
  'a list of an absolute path and arguments, as [/usr/lib/nagios/plugins/check_tcp, -H, "{address}"]';
const ARGUMENT = "a text without NUL, of at most 1024 characters";
/** An absolute path in its only spelling. */
export const ABSOLUTE_PATH = /^(?:\/(?!\.{0,2}(?:\/|$))[^\0/]+)+$/;
const argument = z
  .string({ error: ARGUMENT })
  .max(1024, { error: ARGUMENT })
  .refine((text) => !text.includes("\0"), { error: ARGUMENT });

export const execOptions = {
  type: z
    .literal("exec")
    .describe(
      "A program that exits with 0 is a success, with 1 a success with a warning, as plugins of Nagios do",
    ),
  command: z
    .array(argument, { error: COMMAND })
    .min(1, { error: COMMAND })
    .max(64, { error: "at most 63 arguments" })
    .refine((words) => ABSOLUTE_PATH.test(words[0] ?? ""), { error: COMMAND })
    .describe(
      "Program, one of `probes.programs` in steerd.yaml, and its arguments, in which {address}, {pool} and {endpoint} stand for the target's; no shell",
    ),
};

const PATH = "an absolute path, as /run/health/{pool}-{endpoint}";
export const fileOptions = {
  type: z
    .literal("file")
    .describe('A file whose first word is "up", or "warning", and that is young, is a success'),
  path: z
    .string({ error: PATH })
    .regex(ABSOLUTE_PATH, { error: PATH })
    .describe("Absolute path of the file, in which {address}, {pool} and {endpoint} stand for the target's"),
  max_age: durationRow("1s", "24h")
    .prefault("1m")
    .describe("Age from which on the file counts for nothing: its writer is taken for dead"),
};

const STATE = "up or down";
export const staticOptions = {
  type: z.literal("static").describe("Nothing is asked: the check says it"),
  state: z.enum(["up", "down"], { error: STATE }).describe("What the addresses are"),
};

export const icmpOptions = {
  type: z.literal("icmp").describe("An echo that comes back is a success; wants the system's ping program"),
};
