import ipaddr from "ipaddr.js";
import type { LineCounter, YAMLError } from "yaml";

/** A place in a text, and what is wrong there. */
export interface YamlProblem {
  code: string;
  /** Offset in the text. */
  offset: number;
  what: string;
  expected: string;
  /** Offset of the bracket that is not closed. */
  opened?: number;
}

/** A word that YAML reads as something else because it stands without quotes. */
export interface QuoteMistake {
  offset: number;
  /** The word as it was meant. */
  word: string;
}

export function quoteProblem(mistake: QuoteMistake): YamlProblem {
  return {
    code: "CFG_YAML_QUOTE",
    offset: mistake.offset,
    what: `${mistake.word} stands without quotes, and YAML gives that a meaning of its own`,
    expected: `"${mistake.word}"`,
  };
}

const WORD = /[^\s,[\]{}]+/y;

function wordAt(text: string, offset: number): string {
  WORD.lastIndex = offset;
  return WORD.exec(text)?.[0] ?? text.charAt(offset);
}

/** A key's word without the colon that ends it. */
function keyAt(text: string, offset: number): string {
  const word = wordAt(text, offset);
  return word.length > 1 && word.endsWith(":") ? word.slice(0, -1) : word;
}

/** Longer than any word that wants quotes: an error far behind the character that causes it is about something else. */
const LOOK_BACK = 300;

/** Offset of the last such character up to `offset`; -1: none is near. */
function lastBefore(text: string, character: string, offset: number): number {
  const from = Math.max(0, offset - LOOK_BACK);
  const at = text.slice(from, offset + 1).lastIndexOf(character);
  return at < 0 ? -1 : from + at;
}

/** `[::1]:53` whose closing bracket stands before `offset`; null when there is none. */
function bracketedBefore(text: string, offset: number): QuoteMistake | null {
  const open = lastBefore(text, "[", offset);
  const match = open < 0 ? null : /^\[[0-9a-f:.]+\]:\d+/i.exec(text.slice(open, offset + 8));
  return match === null ? null : { offset: open, word: match[0] };
}

/** Whether `key:` with nothing after it was meant as an address that ends in two colons. */
export function isColonAddress(key: string): boolean {
  return key.endsWith(":") && ipaddr.IPv6.isValid(`${key}:`);
}

/** The word without quotes that explains a syntax error; null when that is not its cause. */
export function quoteMistakeOf(error: YAMLError, text: string): QuoteMistake | null {
  const [offset] = error.pos;
  switch (error.code) {
    case "BAD_SCALAR_START":
      return { offset, word: keyAt(text, offset) };
    case "BAD_ALIAS": {
      const star = lastBefore(text, "*", offset);
      return star < 0 ? null : { offset: star, word: keyAt(text, star) };
    }
    case "BLOCK_IN_FLOW": {
      const word = wordAt(text, offset);
      return isColonAddress(word.slice(0, -1)) ? { offset, word } : null;
    }
    case "UNEXPECTED_TOKEN":
      return text.charAt(offset) === ":" ? bracketedBefore(text, offset - 1) : null;
    default:
      return null;
  }
}

/** Our words for the commonest mistakes; yaml's own for the rest. `opening`: offset of the bracket that it finds unclosed, or -1. */
export function syntaxProblem(
  error: YAMLError,
  text: string,
  opening: number,
  lines: LineCounter,
): YamlProblem {
  const [offset] = error.pos;
  const problem = (code: string, what: string, expected: string): YamlProblem => ({
    code,
    offset,
    what,
    expected,
  });
  switch (error.code) {
    case "TAB_AS_INDENT":
      return problem("CFG_YAML_TAB", "a tab is used as indentation", "spaces");
    case "MULTIPLE_DOCS":
      return problem("CFG_YAML_DOCUMENTS", "a second document begins here", "one document in a file");
    case "RESOURCE_EXHAUSTION":
      return problem("CFG_LIMIT_DEPTH", "nests too deeply", "at most 100 levels");
    case "BAD_INDENT":
      return (
        unclosed(error, opening, text, lines) ??
        problem("CFG_YAML_SYNTAX", "the indentation does not fit what stands above", "")
      );
    case "MISSING_CHAR":
      return missingCharacter(error, wordAt(text, offset), problem);
    case "MULTILINE_IMPLICIT_KEY":
      return problem("CFG_YAML_SYNTAX", "a key does not end on its line", "a colon, and a space behind it");
    case "BLOCK_IN_FLOW":
      return problem("CFG_YAML_SYNTAX", "a bracket above is not closed, or a text wants quotes", "");
    case "BLOCK_AS_IMPLICIT_KEY":
      return (
        deeperKey(offset, text) ??
        problem(
          "CFG_YAML_SYNTAX",
          "a second key stands on the same line",
          "quotes where a text is meant, or a new line",
        )
      );
    case "UNEXPECTED_TOKEN":
      return problem("CFG_YAML_SYNTAX", `"${wordAt(text, offset)}" cannot stand here`, "");
    case "TAG_RESOLVE_FAILED":
      return problem(
        "CFG_YAML_TAG",
        `${wordAt(text, offset)} is a tag`,
        "plain values, in quotes where a text is meant",
      );
    default:
      return problem("CFG_YAML_SYNTAX", lowerFirst(error.message), "");
  }
}

/** `key: value` and, deeper on the next line, another key, which YAML takes for more of the value; null: it is none. */
function deeperKey(offset: number, text: string): YamlProblem | null {
  const from = text.lastIndexOf("\n", offset - 1) + 1;
  const match = /^( *(?:- +)*)([^\s:#]+):[ \t]+[^\n]*\n( +)([^\s:#]+):(?=\s)/.exec(
    text.slice(from, from + LOOK_BACK),
  );
  if (match === null) return null;
  const [whole, before, key, after, next] = match as unknown as [string, string, string, string, string];
  if (after.length <= before.length || from + before.length >= offset) return null;
  return {
    code: "CFG_YAML_SYNTAX",
    offset: from + whole.length - next.length - 1,
    what: `${next} stands deeper than ${key} above it, which has a value already`,
    expected: `${before.length} spaces before ${next} as before ${key}, or nothing behind the colon of ${key}`,
  };
}

type MakeProblem = (code: string, what: string, expected: string) => YamlProblem;

/** A list or mapping in brackets that the end, or the indentation, of the file cuts off: told where it is opened. */
function unclosed(error: YAMLError, opening: number, text: string, lines: LineCounter): YamlProblem | null {
  const close = /end with a ([\]}])/.exec(error.message)?.[1];
  if (close === undefined) return null;
  const [end] = error.pos;
  const what = `a ${close === "]" ? "list" : "mapping"} in brackets is not closed`;
  const { line } = lines.linePos(end);
  const isLast = text.slice(end).trim() === "";
  const isSameLine = opening >= 0 && lines.linePos(opening).line === line;
  const expected = isLast || isSameLine ? close : `${close} before line ${line}`;
  const problem = { code: "CFG_YAML_SYNTAX", offset: opening < 0 ? end : opening, what, expected };
  return opening < 0 ? problem : { ...problem, opened: opening };
}

/** The key alone: what stands behind its colon may be an address with a token in it. */
export function beforeColon(word: string): string {
  return word.slice(0, word.indexOf(":"));
}

function missingCharacter(error: YAMLError, word: string, problem: MakeProblem): YamlProblem {
  if (error.message.startsWith("Missing closing"))
    return problem(
      "CFG_YAML_SYNTAX",
      "a text in quotes is not closed",
      error.message.slice("Missing closing ".length, 17),
    );
  if (/^[\w-]+:\S/.test(word))
    return problem("CFG_YAML_SYNTAX", `${beforeColon(word)} has no space after its colon`, "key: value");
  if (error.message.startsWith("Implicit map keys"))
    return problem(
      "CFG_YAML_SYNTAX",
      `"${word}" stands alone`,
      '"key: value", or "- " before an item of a list',
    );
  if (error.message.startsWith("Missing ,"))
    return problem(
      "CFG_YAML_SYNTAX",
      `a comma is missing before ${word}`,
      "a comma between what stands in brackets",
    );
  return problem("CFG_YAML_SYNTAX", lowerFirst(error.message), "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
