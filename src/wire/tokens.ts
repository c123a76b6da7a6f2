/**
 * Words of a master file, one entry at a time (RFC 1035 section 5.1): blanks, comments, quotes, parentheses. A word is a
 * pair of offsets into the file: no string is made, and escapes stay for whoever knows what the word is.
 */
export interface Tokens {
  octets: Uint8Array;
  /** Octets of the file. */
  end: number;
  /** Where the next entry starts, and its line, counted from 1. */
  position: number;
  line: number;
  /** The entry read last: where it starts, its line, and its words. */
  entryStart: number;
  entryLine: number;
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  /** 1 for a word in quotes; its offsets leave the quotes out. */
  quoted: Uint8Array;
  /** 1 when the entry starts with a blank: the owner is that of the entry before. */
  startsBlank: number;
  /** 1 when no newline ends the entry. */
  endsWithFile: number;
  /** TOKENS_* of the first thing wrong in the entry, and where. */
  fault: number;
  faultAt: number;
}

export const TOKENS_OK = 0;
/** A quote, or an escape, that the line's end cuts. */
export const TOKENS_OPEN_QUOTE = 1;
export const TOKENS_CUT_ESCAPE = 2;
/** `(` without `)`. */
export const TOKENS_OPEN_PARENTHESIS = 3;
/** `)` without `(`. */
export const TOKENS_STRAY_PARENTHESIS = 4;

const ORDINARY = 0;
const BLANK = 1;
const NEWLINE = 2;
const COMMENT = 3;
const OPEN = 4;
const CLOSE = 5;
const QUOTE = 6;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const KIND = new Uint8Array(256);
KIND[0x20] = BLANK;
KIND[0x09] = BLANK;
KIND[CARRIAGE_RETURN] = BLANK;
KIND[LINE_FEED] = NEWLINE;
KIND[0x3b] = COMMENT;
KIND[0x28] = OPEN;
KIND[0x29] = CLOSE;
KIND[0x22] = QUOTE;

/** Words of an ordinary record, and some room: longer entries double it. */
const FIRST_WORDS = 32;

export function createTokens(octets: Uint8Array): Tokens {
  return {
    octets,
    end: octets.length,
    position: 0,
    line: 1,
    entryStart: 0,
    entryLine: 1,
    count: 0,
    starts: new Int32Array(FIRST_WORDS),
    ends: new Int32Array(FIRST_WORDS),
    quoted: new Uint8Array(FIRST_WORDS),
    startsBlank: 0,
    endsWithFile: 0,
    fault: TOKENS_OK,
    faultAt: 0,
  };
}

/** The words of one text, which may span lines only inside parentheses: for values outside a master file. */
export function tokensOf(text: string): Tokens {
  const tokens = createTokens(new TextEncoder().encode(text));
  readEntry(tokens);
  return tokens;
}

/** Reads the words up to the line's end, or to a later one inside parentheses. False when the file has ended. */
export function readEntry(tokens: Tokens): boolean {
  const { octets, end } = tokens;
  let at = tokens.position;
  tokens.count = 0;
  tokens.fault = TOKENS_OK;
  tokens.entryStart = at;
  tokens.entryLine = tokens.line;
  if (at >= end) return false;
  tokens.startsBlank = KIND[octets[at]!] === BLANK ? 1 : 0;
  let depth = 0;
  let openedAt = at;
  while (at < end) {
    switch (KIND[octets[at]!]) {
      case ORDINARY:
        at = readWord(tokens, at);
        break;
      case BLANK:
        at++;
        break;
      case NEWLINE:
        at++;
        tokens.line++;
        if (depth === 0) {
          tokens.position = at;
          tokens.endsWithFile = 0;
          return true;
        }
        break;
      case COMMENT:
        while (at < end && octets[at] !== LINE_FEED) at++;
        break;
      case OPEN:
        if (depth++ === 0) openedAt = at;
        at++;
        break;
      case CLOSE:
        if (depth === 0) blame(tokens, TOKENS_STRAY_PARENTHESIS, at);
        else depth--;
        at++;
        break;
      default:
        at = readQuoted(tokens, at);
    }
  }
  if (depth > 0) blame(tokens, TOKENS_OPEN_PARENTHESIS, openedAt);
  tokens.position = at;
  tokens.endsWithFile = 1;
  return true;
}

function blame(tokens: Tokens, fault: number, at: number): void {
  if (tokens.fault !== TOKENS_OK) return;
  tokens.fault = fault;
  tokens.faultAt = at;
}

/** Returns where the word ends. */
function readWord(tokens: Tokens, start: number): number {
  const { octets, end } = tokens;
  let at = start;
  while (at < end && KIND[octets[at]!] === ORDINARY) {
    if (octets[at] === BACKSLASH) {
      at++;
      if (at >= end || octets[at] === LINE_FEED || octets[at] === CARRIAGE_RETURN) {
        blame(tokens, TOKENS_CUT_ESCAPE, at - 1);
        break;
      }
    }
    at++;
  }
  addWord(tokens, start, at, 0);
  return at;
}

/** Returns where the closing quote ends, or the line, when there is none. */
function readQuoted(tokens: Tokens, quoteAt: number): number {
  const { octets, end } = tokens;
  let at = quoteAt + 1;
  while (at < end && octets[at] !== LINE_FEED) {
    if (KIND[octets[at]!] === QUOTE) {
      addWord(tokens, quoteAt + 1, at, 1);
      return at + 1;
    }
    if (octets[at] === BACKSLASH && at + 1 < end && octets[at + 1] !== LINE_FEED) at++;
    at++;
  }
  blame(tokens, TOKENS_OPEN_QUOTE, quoteAt);
  addWord(tokens, quoteAt + 1, at, 1);
  return at;
}

function addWord(tokens: Tokens, start: number, end: number, quoted: number): void {
  if (tokens.count === tokens.starts.length) growTokens(tokens);
  tokens.starts[tokens.count] = start;
  tokens.ends[tokens.count] = end;
  tokens.quoted[tokens.count] = quoted;
  tokens.count++;
}

function growTokens(tokens: Tokens): void {
  const { starts, ends, quoted } = tokens;
  tokens.starts = new Int32Array(starts.length * 2);
  tokens.starts.set(starts);
  tokens.ends = new Int32Array(ends.length * 2);
  tokens.ends.set(ends);
  tokens.quoted = new Uint8Array(quoted.length * 2);
  tokens.quoted.set(quoted);
}

/** Line of an octet of the entry read last, counted from 1. */
export function lineOf(tokens: Tokens, offset: number): number {
  let line = tokens.entryLine;
  for (let at = tokens.entryStart; at < offset; at++) if (tokens.octets[at] === LINE_FEED) line++;
  return line;
}

/** Column of an octet in its line, counted in octets from 1. */
export function columnOf(tokens: Tokens, offset: number): number {
  let at = offset;
  while (at > 0 && tokens.octets[at - 1] !== LINE_FEED) at--;
  return offset - at + 1;
}
