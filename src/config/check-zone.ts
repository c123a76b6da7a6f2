import { checkZone } from "../zone/check.ts";
import type { RecordColumns } from "../zone/record-columns.ts";
import type { ZoneFinding } from "../zone/zone-finding.ts";
import type { DynamicOwner } from "./resolve-zone.ts";
import type { LoadedZone } from "./zones-folder.ts";

/** What checkZone said of columns that are kept from one load to the next. */
interface Checked {
  /** The dynamic names that it was told. */
  dynamic: string;
  findings: ZoneFinding[];
}

/** Columns die with their cache entry, and what was said of them with them. */
const checked = new WeakMap<RecordColumns, Checked>();

/** Findings that are not to be trusted while the dynamic names are not known. */
const ABOUT_TARGETS = new Set(["ZONE_TARGET_ADDRESS", "ZONE_GLUE_MISSING"]);

/** Findings about what checkZone settles in the columns, so that it will not see it again. */
const SETTLED = new Set(["ZONE_DUPLICATE", "ZONE_TTL_DIFFERS"]);

/**
 * Checks a zone, unless it was checked before and neither its records nor its dynamic names have changed. `placeOf`: where
 * a dynamic name stands, for people.
 */
export function checkLoadedZone(
  zone: LoadedZone,
  columns: RecordColumns,
  owners: DynamicOwner[],
  placeOf: (owner: DynamicOwner) => string,
): ZoneFinding[] {
  const isUnread =
    zone.dynamic !== null && (zone.dynamic.rest === null || zone.dynamic.damage.lost.has("records"));
  const dynamic = isUnread ? "?" : owners.map(describeOwner).join("\n");
  const before = checked.get(columns);
  if (before?.dynamic === dynamic) return before.findings;
  const found = checkZone(columns, {
    dynamic: owners.map(({ owner, ...owns }) => ({ ...owns, name: owner })),
    nameserversGiven: false,
    file: zone.master?.file ?? zone.dynamic!.file,
  });
  const settled = before?.findings.filter(({ code }) => SETTLED.has(code)) ?? [];
  const findings = [...settled, ...found.map((finding) => withDynamicPlace(finding, owners, placeOf))];
  const trusted = isUnread ? findings.filter(({ code }) => !ABOUT_TARGETS.has(code)) : findings;
  checked.set(columns, { dynamic, findings: trusted });
  return trusted;
}

function describeOwner({ text, ownsName, ownsTypes }: DynamicOwner): string {
  return `${text} ${ownsName} ${ownsTypes.join()}`;
}

/** A name that stands in both files has two places. */
function withDynamicPlace(
  finding: ZoneFinding,
  owners: DynamicOwner[],
  placeOf: (owner: DynamicOwner) => string,
): ZoneFinding {
  if (finding.code !== "ZONE_DYNAMIC_AND_STATIC") return finding;
  const name = finding.what.split(" ", 1)[0];
  const owner = owners.find(({ text }) => text === name);
  return owner === undefined ? finding : { ...finding, what: `${finding.what} (${placeOf(owner)})` };
}
