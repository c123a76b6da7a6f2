import { type Document, isMap, isSeq, parseDocument, type YAMLMap, YAMLSeq } from "yaml";
import { replaceWhole, withLock } from "./edit-file.ts";
import type { Finding } from "./findings.ts";
import { type LoadedOverrides, loadOverrides, readOverrides } from "./load-overrides.ts";
import { formatMatch } from "./override-match.ts";
import { withholds } from "./resolve-overrides.ts";
import type { OverrideInput } from "./schema-overrides.ts";

/** An entry to be written; moments in milliseconds since 1970, `weight` as a part of 1. */
export type NewOverride = Omit<OverrideInput, "force"> & { force?: boolean };

/** What an edit does to the entries of the file. */
export interface OverridesEdit {
  /** True for entries that are taken away. */
  removes(entry: OverrideInput): boolean;
  /**
   * Told the entries as they are. Goes to the end, where it counts; entries about the same selector make place for it, but
   * for what a weight takes not back.
   */
  adds?: (entries: readonly OverrideInput[]) => NewOverride;
}

/** What an edit came to. */
export interface Edited {
  /** The file as it is now. */
  loaded: LoadedOverrides;
  removed: OverrideInput[];
}

/** Asked before anything is written, with the entries as they would be; findings refuse the edit. */
export type JudgeEdit = (entries: readonly OverrideInput[]) => Finding[] | Promise<Finding[]>;

/**
 * Changes the file of forced states: under a lock, replaced whole, comments kept. Nothing is written when the file has
 * errors, when `judge` refuses, or when somebody else keeps writing it.
 */
export async function editOverrides(
  path: string,
  edit: OverridesEdit,
  judge: JudgeEdit = () => [],
): Promise<Edited | { findings: Finding[] }> {
  return await withLock(path, async () => {
    for (;;) {
      const before = loadOverrides(path);
      if (before.entries === null || before.entries === undefined) return { findings: before.findings };
      const removed = before.entries.filter((entry) => edit.removes(entry));
      if (removed.length === 0 && edit.adds === undefined) return { loaded: before, removed };
      const adds = edit.adds?.(before.entries);
      const goes = (entry: OverrideInput): boolean => edit.removes(entry) || isReplaced(entry, adds);
      const text = editText(before.yaml?.text ?? "", goes, adds, before.entries);
      // What the file must not hold, as too many entries, is not written into it either.
      const wrong = readOverrides(new TextEncoder().encode(text), path).findings.filter(isError);
      if (wrong.length > 0) return { findings: wrong };
      const kept = before.entries.filter((entry) => !goes(entry));
      const entries = adds === undefined ? kept : [...kept, { force: false, ...adds }];
      const refusals = await judge(entries);
      if (refusals.length > 0) return { findings: refusals };
      const outcome = replaceWhole(path, text, () => loadOverrides(path).yaml?.text === before.yaml?.text);
      if (outcome === "changed") continue;
      if (outcome !== null) return { findings: [outcome] };
      return { loaded: loadOverrides(path), removed };
    }
  });
}

function isError({ severity }: Finding): boolean {
  return severity === "error";
}

function isReplaced(entry: OverrideInput, adds: NewOverride | undefined): boolean {
  if (adds === undefined || formatMatch(entry.match) !== formatMatch(adds.match)) return false;
  return adds.state !== undefined || !withholds(entry);
}

/** The text of the file after an edit: what the edit is not about stays as it is written. */
function editText(
  text: string,
  goes: (entry: OverrideInput) => boolean,
  adds: NewOverride | undefined,
  entries: readonly OverrideInput[],
): string {
  const document = parseDocument(text, { version: "1.2", schema: "core" });
  const list = listOf(document);
  for (let at = entries.length - 1; at >= 0; at--) if (goes(entries[at]!)) removeItem(list, at);
  if (adds !== undefined) list.add(document.createNode(plainEntry(adds)));
  return document.toString({
    lineWidth: 0,
    flowCollectionPadding: !/\{[^\s}]/.test(text),
    indentSeq: !/^- /m.test(text),
  });
}

function listOf(document: Document): YAMLSeq {
  if (!isMap(document.contents)) document.contents = document.createNode({}) as never;
  const root = document.contents as unknown as YAMLMap;
  // An empty collection in brackets would make all that follows stand in one line.
  if (root.items.length === 0) root.flow = false;
  const known = root.get("overrides");
  if (isSeq(known)) {
    if (known.items.length === 0) known.flow = false;
    return known;
  }
  const list = new YAMLSeq();
  root.set("overrides", list);
  return list;
}

/** Comments on lines of their own stay, at what follows. */
function removeItem(list: YAMLSeq, at: number): void {
  const [item] = list.items.splice(at, 1) as { commentBefore?: string | null }[];
  const comment = item?.commentBefore;
  if (comment === undefined || comment === null) return;
  const next = list.items[at] as { commentBefore?: string | null } | undefined;
  if (next === undefined) list.comment = joined(comment, list.comment);
  else next.commentBefore = joined(comment, next.commentBefore);
}

function joined(first: string, second: string | null | undefined): string {
  return second === undefined || second === null ? first : `${first}\n${second}`;
}

/** As the file has it. */
function plainEntry({ match, weight, until, since, force, ...rest }: NewOverride): Record<string, unknown> {
  const { state, reason, author } = rest;
  const entry = {
    match: formatMatch(match),
    state,
    weight: weight === undefined ? undefined : weightText(weight),
    until: until === undefined ? undefined : momentText(until),
    reason,
    author,
    since: since === undefined ? undefined : momentText(since),
    force: force === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}

/** `2026-03-01T18:00:00Z`, in whole seconds. */
export function momentText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** `25%` of 0.25. */
export function weightText(weight: number): string {
  return `${Number((weight * 100).toFixed(2))}%`;
}
