/**
 * Regular expressions that cannot stall: a pattern becomes a small machine whose states are all followed at once
 * (Thompson 1968), so that the work is at most the text's length times the machine's, whatever the pattern. The RegExp
 * of JavaScript backtracks, and `(a|a)*$` on a hostile body would hold up every other probe for hours.
 */

/** Longest pattern, in characters. */
const PATTERN_MAX = 256;

/** States of a machine: with a text of 5,120 characters at most 2.6 million steps, some 20 ms. */
const STATES_MAX = 512;

/** Parts of the pattern that are turned into states, each repetition anew. */
const EMITTED_MAX = 16 * STATES_MAX;

/** Groups within groups. */
const DEPTH_MAX = 32;

/** Why a pattern cannot be used. */
export interface PatternFault {
  what: string;
  expected: string;
}

/** True when the pattern matches somewhere within the text. */
export type Pattern = (text: string) => boolean;

const OP_SET = 0;
const OP_SPLIT = 1;
const OP_JUMP = 2;
const OP_ASSERT = 3;
const OP_MATCH = 4;

type Assertion = "start" | "end" | "word" | "no-word";

interface CharacterSet {
  /** Pairs of first and last code unit. */
  ranges: number[];
  negated: boolean;
}

type Node =
  | { kind: "set"; set: CharacterSet }
  | { kind: "assert"; assertion: Assertion }
  | { kind: "sequence"; items: Node[] }
  | { kind: "choice"; items: Node[] }
  | { kind: "repeat"; item: Node; least: number; most: number };

const DIGIT = [0x30, 0x39];
const WORD = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
/** White space of ECMAScript (ECMA-262 section 12.2), without what nobody sends in a health answer. */
const SPACE = [0x09, 0x0d, 0x20, 0x20, 0xa0, 0xa0, 0x2028, 0x2029, 0xfeff, 0xfeff];
const LINE_ENDS = [0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029];
const CONTROL: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, "0": 0 };

/** Ends the reading of a pattern. */
class Fault extends Error {
  readonly expected: string;
  constructor(what: string, expected: string) {
    super(what);
    this.expected = expected;
  }
}

/**
 * Compiles a pattern: literals, `.`, `[...]`, `\d \w \s \b` and their opposites, `^ $`, groups, `|`, `* + ? {m,n}`, and
 * at the beginning `(?i)`, `(?m)` or `(?s)`, as in JavaScript. No look-around and no back references.
 */
export function compilePattern(text: string): Pattern | PatternFault {
  try {
    if (text.length > PATTERN_MAX)
      throw new Fault(`it has ${text.length} characters`, `at most ${PATTERN_MAX}`);
    const flags = /^\(\?([ims]+)\)/.exec(text);
    const parser = new Parser(text, flags?.[0].length ?? 0, flags?.[1] ?? "");
    return new Machine(parser.parse(), flags?.[1] ?? "").matcher();
  } catch (error) {
    if (error instanceof Fault) return { what: error.message, expected: error.expected };
    throw error;
  }
}

class Parser {
  private readonly text: string;
  private readonly dotAll: boolean;
  private at: number;
  private depth = 0;

  constructor(text: string, at: number, flags: string) {
    this.text = text;
    this.at = at;
    this.dotAll = flags.includes("s");
  }

  parse(): Node {
    const node = this.choice();
    if (this.at < this.text.length) throw new Fault('a ")" closes nothing', 'a group, or "\\)"');
    return node;
  }

  private choice(): Node {
    const items = [this.sequence()];
    while (this.take("|")) items.push(this.sequence());
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  private sequence(): Node {
    const items: Node[] = [];
    while (this.at < this.text.length && !"|)".includes(this.text[this.at]!)) items.push(this.repeated());
    return { kind: "sequence", items };
  }

  private repeated(): Node {
    const item = this.atom();
    const bounds = this.bounds();
    if (bounds === null) return item;
    if (item.kind === "assert") throw new Fault("an assertion is repeated", "a character or a group");
    // A lazy quantifier matches the same texts.
    this.take("?");
    if (this.bounds() !== null) throw new Fault("a quantifier follows a quantifier", "one of them");
    return { kind: "repeat", item, ...bounds };
  }

  private bounds(): { least: number; most: number } | null {
    if (this.take("*")) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.take("+")) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.take("?")) return { least: 0, most: 1 };
    const match = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.text.slice(this.at, this.at + 12));
    if (match === null) return null;
    this.at += match[0].length;
    const least = Number(match[1]);
    const most =
      match[2] === undefined ? least : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (most < least) throw new Fault(`${match[0]} is no range`, "the smaller number first");
    return { least, most };
  }

  private atom(): Node {
    const character = this.text[this.at++]!;
    switch (character) {
      case "(":
        return this.group();
      case "[":
        return this.bracket();
      case ".":
        return set(this.dotAll ? [] : LINE_ENDS, true);
      case "^":
        return { kind: "assert", assertion: "start" };
      case "$":
        return { kind: "assert", assertion: "end" };
      case "\\":
        return this.escape();
      case "*":
      case "+":
      case "?":
        throw new Fault(`"${character}" has nothing to repeat`, `"\\${character}" for the character itself`);
      default:
        return set([character.charCodeAt(0), character.charCodeAt(0)]);
    }
  }

  private group(): Node {
    if (this.take("?") && !this.take(":"))
      throw new Fault("it looks around, or names a group", "(...) or (?:...)");
    if (++this.depth > DEPTH_MAX) throw new Fault("groups nest too deep", `at most ${DEPTH_MAX} levels`);
    const node = this.choice();
    if (!this.take(")")) throw new Fault('a "(" is not closed', 'a ")", or "\\("');
    this.depth--;
    return node;
  }

  private escape(): Node {
    const character = this.text[this.at];
    if (character === "b" || character === "B") {
      this.at++;
      return { kind: "assert", assertion: character === "b" ? "word" : "no-word" };
    }
    const { ranges, negated } = this.escaped();
    return set(ranges, negated);
  }

  /** What follows a backslash, as a set. */
  private escaped(): CharacterSet {
    const character = this.text[this.at++];
    if (character === undefined) throw new Fault("it ends in a backslash", "a character after it");
    const classes: Record<string, number[]> = { d: DIGIT, w: WORD, s: SPACE };
    const ranges = classes[character.toLowerCase()];
    if (ranges !== undefined) return { ranges, negated: character !== character.toLowerCase() };
    const hex = character === "x" ? 2 : character === "u" ? 4 : 0;
    if (hex > 0) {
      const digits = this.text.slice(this.at, this.at + hex);
      if (!/^[0-9a-f]+$/i.test(digits) || digits.length < hex)
        throw new Fault(`\\${character} has no number`, `${hex} hexadecimal digits`);
      this.at += hex;
      return single(Number.parseInt(digits, 16));
    }
    if (/[1-9a-z]/i.test(character) && CONTROL[character] === undefined)
      throw new Fault(`\\${character} is not known`, "no back references or properties");
    return single(CONTROL[character] ?? character.charCodeAt(0));
  }

  private bracket(): Node {
    const negated = this.take("^");
    const ranges: number[] = [];
    while (!this.take("]")) {
      const first = this.bracketItem();
      const isRange = this.text[this.at] === "-" && this.text[this.at + 1] !== "]";
      if (!isRange) {
        ranges.push(...(first.negated ? complement(first.ranges) : first.ranges));
        continue;
      }
      this.at++;
      const last = this.bracketItem();
      const [from, to] = [first.ranges[0]!, last.ranges[0]!];
      const isSingle = (item: CharacterSet): boolean =>
        !item.negated && item.ranges.length === 2 && item.ranges[0] === item.ranges[1];
      if (!isSingle(first) || !isSingle(last) || to < from)
        throw new Fault("a range in [...] is none", "two characters, the lower one first");
      ranges.push(from, to);
    }
    return set(ranges, negated);
  }

  private bracketItem(): CharacterSet {
    if (this.at >= this.text.length) throw new Fault('a "[" is not closed', 'a "]", or "\\["');
    if (this.take("\\")) {
      // Within brackets \b is a backspace.
      return this.take("b") ? single(0x08) : this.escaped();
    }
    return single(this.text.charCodeAt(this.at++));
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }
}

function set(ranges: number[], negated = false): Node {
  return { kind: "set", set: { ranges, negated } };
}

function single(code: number): CharacterSet {
  return { ranges: [code, code], negated: false };
}

function complement(ranges: readonly number[]): number[] {
  const result: number[] = [];
  let next = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i]! > next) result.push(next, ranges[i]! - 1);
    next = ranges[i + 1]! + 1;
  }
  if (next <= 0xffff) result.push(next, 0xffff);
  return result;
}

class Machine {
  private readonly ops: number[] = [];
  /** Index of the set or assertion, or the first state to go on with. */
  private readonly first: number[] = [];
  /** The second state of a split. */
  private readonly second: number[] = [];
  private readonly sets: CharacterSet[] = [];
  private readonly assertions: Assertion[] = [];
  private readonly ignoreCase: boolean;
  private readonly multiline: boolean;
  private readonly visited: Int32Array;
  private readonly stack: Int32Array;
  private round = 0;
  private emitted = 0;

  constructor(node: Node, flags: string) {
    this.ignoreCase = flags.includes("i");
    this.multiline = flags.includes("m");
    this.emit(node);
    this.push(OP_MATCH, 0);
    this.visited = new Int32Array(this.ops.length);
    this.stack = new Int32Array(this.ops.length + 2);
  }

  matcher(): Pattern {
    return (text) => this.matches(text);
  }

  private push(op: number, first: number, second = 0): number {
    if (this.ops.length >= STATES_MAX)
      throw new Fault("it is too large", `fewer or smaller repetitions: at most ${STATES_MAX} states`);
    this.ops.push(op);
    this.first.push(first);
    this.second.push(second);
    return this.ops.length - 1;
  }

  private emit(node: Node): void {
    // Repetitions of nothing make no states, and would never end.
    if (++this.emitted > EMITTED_MAX) throw new Fault("it is too large", "fewer or smaller repetitions");
    switch (node.kind) {
      case "set":
        this.push(OP_SET, this.sets.push(node.set) - 1);
        return;
      case "assert":
        this.push(OP_ASSERT, this.assertions.push(node.assertion) - 1);
        return;
      case "sequence":
        for (const item of node.items) this.emit(item);
        return;
      case "choice":
        this.emitChoice(node.items);
        return;
      case "repeat":
        this.emitRepeat(node.item, node.least, node.most);
        return;
    }
  }

  private emitChoice(items: Node[]): void {
    const jumps: number[] = [];
    for (const [index, item] of items.entries()) {
      if (index === items.length - 1) {
        this.emit(item);
        break;
      }
      const split = this.push(OP_SPLIT, this.ops.length + 1);
      this.emit(item);
      jumps.push(this.push(OP_JUMP, 0));
      this.second[split] = this.ops.length;
    }
    for (const jump of jumps) this.first[jump] = this.ops.length;
  }

  private emitRepeat(item: Node, least: number, most: number): void {
    for (let i = 0; i < least; i++) this.emit(item);
    if (most === Number.POSITIVE_INFINITY) {
      const split = this.push(OP_SPLIT, this.ops.length + 1);
      this.emit(item);
      this.push(OP_JUMP, split);
      this.second[split] = this.ops.length;
      return;
    }
    const splits: number[] = [];
    for (let i = least; i < most; i++) {
      splits.push(this.push(OP_SPLIT, this.ops.length + 1));
      this.emit(item);
    }
    for (const split of splits) this.second[split] = this.ops.length;
  }

  private matches(text: string): boolean {
    let current: number[] = [];
    for (let at = 0; at <= text.length; at++) {
      const reached: number[] = [];
      this.round++;
      for (const state of current) if (this.follow(state, text, at, reached)) return true;
      // The match may begin here, too.
      if (this.follow(0, text, at, reached)) return true;
      if (at === text.length) return false;
      const code = text.charCodeAt(at);
      current = [];
      for (const state of reached)
        if (this.accepts(this.sets[this.first[state]!]!, code)) current.push(state + 1);
    }
    return false;
  }

  /** Adds the sets that can be reached without a character. True: so can the end. */
  private follow(start: number, text: string, at: number, reached: number[]): boolean {
    let depth = 0;
    this.stack[depth++] = start;
    while (depth > 0) {
      const state = this.stack[--depth]!;
      if (this.visited[state] === this.round) continue;
      this.visited[state] = this.round;
      switch (this.ops[state]) {
        case OP_MATCH:
          return true;
        case OP_SET:
          reached.push(state);
          break;
        case OP_JUMP:
          this.stack[depth++] = this.first[state]!;
          break;
        case OP_SPLIT:
          this.stack[depth++] = this.second[state]!;
          this.stack[depth++] = this.first[state]!;
          break;
        default:
          if (this.holds(this.assertions[this.first[state]!]!, text, at)) this.stack[depth++] = state + 1;
      }
    }
    return false;
  }

  private holds(assertion: Assertion, text: string, at: number): boolean {
    switch (assertion) {
      case "start":
        return at === 0 || (this.multiline && inRanges(LINE_ENDS, text.charCodeAt(at - 1)));
      case "end":
        return at === text.length || (this.multiline && inRanges(LINE_ENDS, text.charCodeAt(at)));
      default: {
        const before = at > 0 && inRanges(WORD, text.charCodeAt(at - 1));
        const after = at < text.length && inRanges(WORD, text.charCodeAt(at));
        return (before !== after) === (assertion === "word");
      }
    }
  }

  private accepts({ ranges, negated }: CharacterSet, code: number): boolean {
    let found = inRanges(ranges, code);
    if (!found && this.ignoreCase) {
      const character = String.fromCharCode(code);
      found =
        inRanges(ranges, character.toLowerCase().charCodeAt(0)) ||
        inRanges(ranges, character.toUpperCase().charCodeAt(0));
    }
    return found !== negated;
  }
}

function inRanges(ranges: readonly number[], code: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (code >= ranges[i]! && code <= ranges[i + 1]!) return true;
  return false;
}
