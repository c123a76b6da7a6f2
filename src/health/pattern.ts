import {
  type Assertion,
  type CharacterSet,
  Fault,
  LINE_ENDS,
  type Node,
  Parser,
  WORD,
} from "./pattern-parser.ts";

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
