/** Reads regular expressions, as far as pattern.ts knows them, into trees. */

/** Groups within groups. */
const DEPTH_MAX = 32;

export type Assertion = "start" | "end" | "word" | "no-word";

export interface CharacterSet {
  /** Pairs of first and last code unit. */
  ranges: number[];
  negated: boolean;
}

export type Node =
  | { kind: "set"; set: CharacterSet }
  | { kind: "assert"; assertion: Assertion }
  | { kind: "sequence"; items: Node[] }
  | { kind: "choice"; items: Node[] }
  | { kind: "repeat"; item: Node; least: number; most: number };

const DIGIT = [0x30, 0x39];
export const WORD = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
/** White space of ECMAScript (ECMA-262 section 12.2), without what nobody sends in a health answer. */
const SPACE = [0x09, 0x0d, 0x20, 0x20, 0xa0, 0xa0, 0x2028, 0x2029, 0xfeff, 0xfeff];
export const LINE_ENDS = [0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029];
const CONTROL: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, "0": 0 };

/** Ends the reading of a pattern. */
export class Fault extends Error {
  readonly expected: string;
  constructor(what: string, expected: string) {
    super(what);
    this.expected = expected;
  }
}

export class Parser {
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
