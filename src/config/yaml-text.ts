import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { CUT } from "./cut.ts";
import {
  beforeColon,
  isColonAddress,
  type QuoteMistake,
  quoteMistakeOf,
  quoteProblem,
  syntaxProblem,
  type YamlProblem,
} from "./yaml-mistakes.ts";

/** Deeper nesting is no configuration that anyone can read, and the parser's stack is finite. */
const MAX_YAML_DEPTH = 100;

/** Values that aliases may repeat in one file: far more than any file needs, far less than a bomb of aliases makes. */
export const MAX_ALIASED_VALUES = 100_000;

/** Words without quotes that hide one another are looked for by parsing again without them, this often. */
const MAX_QUOTE_ROUNDS = 10;

/** Parsing a text longer than this takes long enough to do it once more, and not ten times. */
const LONG_TEXT = 100_000;

/** With more words without quotes than this nothing else is looked for. */
const MAX_QUOTE_MISTAKES = 1000;

/** Keys that mean something to JavaScript objects. */
const RESERVED_KEYS = new Set(["__proto__", "constructor", "prototype"]);

export type YamlPath = readonly (string | number)[];

export interface Place {
  line: number;
  column: number;
}

/** Where the value at a path stands, or its key; the nearest thing that exists when the path ends in nothing. */
export type PlaceOf = (path: YamlPath, part: "key" | "value") => Place;

export interface YamlText {
  /**
   * Mappings without a prototype, arrays, strings, numbers, booleans, null, and `CUT` for what has a problem; undefined
   * where a problem leaves nothing certain.
   */
  value: unknown;
  problems: (YamlProblem & Place)[];
  placeOf: PlaceOf;
}

/** Reads one YAML 1.2 document; never throws. Aliases yield the same object again, not a copy. */
export function readYaml(text: string): YamlText {
  const { document, lines, problems, meant, isTree } = parse(text);
  const reader: Reader = { text, lines, anchors: new Map(), problems, meant, aliased: 0 };
  const value = isTree ? plainValue(document.contents, reader, 0).value : undefined;
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return {
    value: reader.aliased > MAX_ALIASED_VALUES ? undefined : value,
    problems: problems.map((problem) => ({ ...problem, ...placeAt(problem.offset) })),
    placeOf: (path, part) => placeAt(offsetOf(document, path, part)),
  };
}

interface Parsed {
  document: Document.Parsed;
  lines: LineCounter;
  problems: YamlProblem[];
  /** Words without quotes, by their offset. */
  meant: Map<number, string>;
  /** Every problem is one of words without quotes: the document is what it would be with them. */
  isTree: boolean;
}

/**
 * A word without quotes makes the parser stumble over all that follows. So each one is told apart, overwritten with
 * letters, and the text is parsed again, until the errors that are left are errors of their own.
 */
function parse(text: string): Parsed {
  const mistakes: QuoteMistake[] = [];
  const rounds = text.length > LONG_TEXT ? 1 : MAX_QUOTE_ROUNDS;
  let patched = text;
  for (let round = 0; ; round++) {
    const lines = new LineCounter();
    // The library's own check of duplicate keys compares every pair of keys; plainValue() has one that does not.
    const document = parseDocument(patched, {
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: "error",
    });
    const errors = [...document.errors, ...document.warnings];
    const found = round < rounds ? errors.flatMap((error) => quoteMistakeOf(error, patched) ?? []) : [];
    if (found.length === 0) {
      const stumbles = withoutEchoes(errors, lines).map((error) =>
        syntaxProblem(error, patched, openingOf(document, error), lines),
      );
      const problems = [...mistakes.map(quoteProblem), ...withoutOuter(stumbles)];
      if (document.directives.yaml.explicit && document.directives.yaml.version !== "1.2")
        problems.push(oldVersion(text));
      const meant = new Map(mistakes.map(({ offset, word }) => [offset, word]));
      return { document, lines, problems, meant, isTree: problems.length === mistakes.length };
    }
    // One word can be behind several errors.
    const words = [...new Map(found.map((mistake) => [mistake.offset, mistake])).values()];
    patched = overwrite(patched, words);
    mistakes.push(...words.slice(0, MAX_QUOTE_MISTAKES));
    if (words.length > MAX_QUOTE_MISTAKES)
      return { document, lines, problems: mistakes.map(quoteProblem), meant: new Map(), isTree: false };
  }
}

/** Offset of the bracket that an error finds unclosed, the innermost one; -1: it is about something else. */
function openingOf({ contents }: Document.Parsed, { code, message, pos }: YAMLError): number {
  const close = code === "BAD_INDENT" ? /end with a ([\]}])/.exec(message)?.[1] : undefined;
  if (close === undefined || contents === null) return -1;
  let opening = -1;
  visit(contents, {
    Collection: (_, node) => {
      const [start = -1, end = -1] = node.range ?? [];
      if (end === pos[0] && isSeq(node) === (close === "]")) opening = Math.max(opening, start);
      return end < pos[0] ? visit.SKIP : undefined;
    },
  });
  return opening;
}

/** Where a bracket is missing, those around it are one short as well. */
function withoutOuter(problems: YamlProblem[]): YamlProblem[] {
  return problems.filter(
    ({ opened }, index) =>
      opened === undefined ||
      !problems.some((other, at) => at < index && other.opened !== undefined && other.opened > opened),
  );
}

/** Errors behind which the parser is astray, and those that it then finds in the lines below. */
const ASTRAY: readonly string[] = ["TAB_AS_INDENT", "MULTILINE_IMPLICIT_KEY"];
const INDENTATION: readonly string[] = ["BLOCK_AS_IMPLICIT_KEY", "BAD_INDENT", "MULTILINE_IMPLICIT_KEY"];
/** One line may lie between two of them. */
const ECHO_LINES = 2;

/**
 * The parser stumbles on: what follows the first error of a line explains nothing. Where it takes the document to have
 * ended, it finds fault with all the rest, which is told once, and not at all behind an error that explains it. In the
 * lines below a tab or a key without its colon no indentation is what it seems.
 */
function withoutEchoes(errors: YAMLError[], lines: LineCounter): YAMLError[] {
  const first: YAMLError[] = [];
  let line = 0;
  let astrayLine = Number.NEGATIVE_INFINITY;
  for (const error of errors.sort((a, b) => a.pos[0] - b.pos[0])) {
    const isBehindEnd = error.message.includes("in YAML stream");
    if (isBehindEnd && first.length > 0) break;
    const { line: errorLine } = lines.linePos(error.pos[0]);
    const isEcho = errorLine - astrayLine <= ECHO_LINES && INDENTATION.includes(error.code);
    if (isEcho || ASTRAY.includes(error.code)) astrayLine = errorLine;
    if (isEcho) continue;
    if (errorLine !== line) first.push(error);
    line = errorLine;
    if (isBehindEnd) break;
  }
  return first;
}

/** The text with letters in place of these words. */
function overwrite(text: string, words: QuoteMistake[]): string {
  let patched = "";
  let at = 0;
  for (const { offset, word } of words.sort((a, b) => a.offset - b.offset)) {
    if (offset < at) continue;
    patched += `${text.slice(at, offset)}${"x".repeat(word.length)}`;
    at = offset + word.length;
  }
  return patched + text.slice(at);
}

function oldVersion(text: string): YamlProblem {
  return {
    code: "CFG_YAML_VERSION",
    offset: Math.max(0, text.indexOf("%YAML")),
    what: "the file asks for another version of YAML",
    expected: "YAML 1.2, which needs no %YAML line",
  };
}

interface Anchor {
  value: unknown;
  /** Values within, aliases expanded; 0 while the anchored value is still being read. */
  size: number;
}

interface Reader {
  text: string;
  lines: LineCounter;
  anchors: Map<string, Anchor>;
  problems: YamlProblem[];
  /** See Parsed. */
  meant: ReadonlyMap<number, string>;
  aliased: number;
}

/** A value and how many values it holds, itself included. */
interface Sized {
  value: unknown;
  size: number;
}

const NOTHING: Sized = { value: null, size: 1 };
/** Something is wrong there, and reported. */
const WRONG: Sized = { value: CUT, size: 1 };

function plainValue(node: Node | null, reader: Reader, depth: number): Sized {
  if (node === null) return NOTHING;
  if (isAlias(node)) return aliasValue(node, reader);
  if (node.tag !== undefined) {
    addProblem(
      reader,
      node,
      "CFG_YAML_TAG",
      `${node.tag} is a tag`,
      "plain values, in quotes where a text is meant",
    );
    return WRONG;
  }
  const anchor: Anchor = { value: undefined, size: 0 };
  if (node.anchor !== undefined) reader.anchors.set(node.anchor, anchor);
  let sized: Sized;
  if (depth > MAX_YAML_DEPTH) {
    // Whatever is this deep has siblings that are: one of them is enough.
    if (reader.problems.at(-1)?.code !== "CFG_LIMIT_DEPTH")
      addProblem(reader, node, "CFG_LIMIT_DEPTH", "nests too deeply", `at most ${MAX_YAML_DEPTH} levels`);
    sized = WRONG;
  } else if (isMap(node)) sized = mappingValue(node as YAMLMap<Node, Node | null>, reader, depth);
  else if (isSeq(node)) sized = listValue(node as YAMLSeq<Node | null>, reader, depth);
  else sized = { value: isScalar(node) ? scalarValue(node, reader) : null, size: 1 };
  anchor.value = sized.value;
  anchor.size = sized.size;
  return sized;
}

/** Large integers come as bigint; no option is one, so that the loss of digits does no harm. */
function scalarValue(node: Scalar, reader: Reader): unknown {
  asMeant(node, reader);
  return typeof node.value === "bigint" ? Number(node.value) : node.value;
}

/** A word without quotes gets the text back that was overwritten. */
function asMeant(node: Scalar, { meant }: Reader): void {
  const word = meant.size === 0 ? undefined : meant.get(startOf(node));
  if (word === undefined) return;
  node.source = word + (node.source ?? "").slice(word.length);
  node.value = node.source;
}

function aliasValue(alias: Alias, reader: Reader): Sized {
  const anchor = reader.anchors.get(alias.source);
  const what = `*${alias.source}`;
  if (anchor === undefined) {
    addProblem(
      reader,
      alias,
      "CFG_YAML_ALIAS",
      `${what} names an anchor that is not there`,
      `&${alias.source} before it, or quotes where a text is meant`,
    );
    return WRONG;
  }
  if (anchor.size === 0) {
    addProblem(
      reader,
      alias,
      "CFG_YAML_ALIAS",
      `${what} stands within what it names`,
      "an anchor that ends before it",
    );
    return WRONG;
  }
  const before = reader.aliased;
  reader.aliased += anchor.size;
  if (reader.aliased > MAX_ALIASED_VALUES && before <= MAX_ALIASED_VALUES)
    addProblem(
      reader,
      alias,
      "CFG_YAML_ALIAS",
      `with ${what} the aliases of this file repeat too much`,
      `at most ${MAX_ALIASED_VALUES} values`,
    );
  return anchor;
}

function listValue(list: YAMLSeq<Node | null>, reader: Reader, depth: number): Sized {
  const value: unknown[] = [];
  let size = 1;
  for (const item of list.items) {
    const sized = plainValue(item, reader, depth + 1);
    value.push(sized.value);
    size += sized.size;
  }
  return { value, size };
}

function mappingValue(map: YAMLMap<Node, Node | null>, reader: Reader, depth: number): Sized {
  const value: Record<string, unknown> = Object.create(null);
  const places = new Map<string, number>();
  let size = 1;
  let isSound = true;
  for (const pair of map.items) {
    const key = keyOf(pair, reader);
    if (key === null) {
      isSound = false;
      continue;
    }
    const offset = startOf(pair.key);
    const first = places.get(key);
    if (first !== undefined) {
      const { line } = reader.lines.linePos(first);
      addProblem(
        reader,
        pair.key,
        "CFG_YAML_DUPLICATE",
        `"${key}" stands here again, first on line ${line}`,
        "it once",
      );
    } else places.set(key, offset);
    const sized = plainValue(pair.value, reader, depth + 1);
    value[key] = first === undefined ? sized.value : CUT;
    size += sized.size;
  }
  return isSound ? { value, size } : { value: CUT, size };
}

/** Text of a key; null, with a problem, when it is none or a reserved one. */
function keyOf(pair: Pair<Node, Node | null>, reader: Reader): string | null {
  const { key, value } = pair;
  if (isSeq(key) && isScalar(value)) {
    const start = startOf(key);
    const word = /^\[[0-9a-f:.]+\]:\d+/i.exec(reader.text.slice(start, start + 80))?.[0];
    if (word !== undefined) {
      reader.problems.push(quoteProblem({ offset: start, word }));
      return null;
    }
  }
  if (isAlias(key) && !reader.anchors.has(key.source)) {
    reader.problems.push(quoteProblem({ offset: startOf(key), word: `*${key.source}` }));
    return null;
  }
  if (!isScalar(key)) {
    addProblem(reader, key, "CFG_YAML_KEY", "this key is not a single word", "a text as the key");
    return null;
  }
  asMeant(key, reader);
  const text = key.source ?? String(key.value);
  if (isColonAddress(text) && isEmpty(value)) {
    reader.problems.push(quoteProblem({ offset: startOf(key), word: `${text}:` }));
    return null;
  }
  if (/^[a-z_]+:\S/.test(text) && isEmpty(value)) {
    addProblem(
      reader,
      key,
      "CFG_YAML_SYNTAX",
      `${beforeColon(text)} has no space after its colon`,
      "key: value",
    );
    return null;
  }
  if (RESERVED_KEYS.has(text)) {
    addProblem(reader, key, "CFG_YAML_KEY", `"${text}" is reserved and cannot be a key`, "another name");
    return null;
  }
  return text;
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

function addProblem(reader: Reader, node: Node, code: string, what: string, expected: string): void {
  reader.problems.push({ code, offset: startOf(node), what, expected });
}

const pairIndexes = new WeakMap<YAMLMap, Map<string, Pair<Node, Node | null>>>();

/** Finds a pair by its key; thousands of problems in one mapping would otherwise cost the square of their number. */
function pairOf(map: YAMLMap<Node, Node | null>, key: string): Pair<Node, Node | null> | undefined {
  let index = pairIndexes.get(map);
  if (index === undefined) {
    index = new Map();
    for (const pair of map.items)
      if (isScalar(pair.key)) index.set(pair.key.source ?? String(pair.key.value), pair);
    pairIndexes.set(map, index);
  }
  return index.get(key);
}

/** Offset of the value at a path, or of its key, or of the last thing on the way that exists. */
function offsetOf(document: Document.Parsed, path: YamlPath, part: "key" | "value"): number {
  let node: Node | null = document.contents;
  let offset = startOf(node);
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap(node)) {
      const pair = pairOf(node as YAMLMap<Node, Node | null>, String(step));
      if (pair === undefined) return offset;
      const wantsKey = part === "key" && index === path.length - 1;
      node = pair.value;
      offset = wantsKey || isEmpty(node) ? startOf(pair.key) : startOf(node);
      if (!wantsKey && index < path.length - 1) offset = startOf(pair.key);
    } else if (isSeq(node)) {
      const item: Node | null | undefined = (node as YAMLSeq<Node | null>).items[Number(step)];
      if (item === undefined) return offset;
      node = item;
      offset = startOf(node);
    } else return offset;
  }
  return offset;
}

/** A value that was left out has no text to point at. */
function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.range?.[0] === node.range?.[1]);
}
