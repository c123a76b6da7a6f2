import { characterString, domainName, number } from "./fields.ts";
import { type Field, quoteWord, type RdataReader, type RdataType, refuse } from "./reader.ts";

const regexp = characterString("regular expression");

/**
 * Whether a substitution expression has its three delimiters and no flag but `i` (RFC 3402 section 3.2). The delimiter
 * is the first octet: no digit, no backslash, not `i`.
 */
function isSubstitution(octets: Uint8Array): boolean {
  const delimiter = octets[0]!;
  if ((delimiter >= 0x30 && delimiter <= 0x39) || delimiter === 0x5c || delimiter === 0x69) return false;
  let delimiters = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet === 0x5c) i++;
    else if (octet === delimiter) delimiters++;
    else if (delimiters === 3 && octet !== 0x69) return false;
  }
  return delimiters === 3;
}

/** The regular expression's outer form is looked at when it is written; what arrives is shown whatever it holds. */
const substitution: Field = {
  parse: (reader: RdataReader) => {
    const at = reader.at + 1;
    const word = reader.next;
    if (!regexp.parse(reader)) return false;
    if (reader.at === at || isSubstitution(reader.out.subarray(at, reader.at))) return true;
    const what = `${quoteWord(reader, word)} is not a substitution expression`;
    return refuse(
      reader,
      word,
      "value",
      what,
      "an empty string, or !expression!replacement! with an optional i",
    );
  },
  format: regexp.format,
};

/** RFC 3403 section 4.1; the replacement is never compressed. */
export const NAPTR: RdataType = [
  number("order", 2),
  number("preference", 2),
  characterString("flags"),
  characterString("services"),
  substitution,
  domainName("replacement"),
];
