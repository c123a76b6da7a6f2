import type {
  ClientExplanation,
  Explanation,
  LastResortExplanation,
  PassName,
  ScopeExplanation,
  TableExplanation,
  TtlExplanation,
} from "../policy/explanation.ts";
import { nodeLines } from "./explain-node.ts";
import { paint, type Terminal } from "./terminal.ts";

/** Width of the first column: the longest of its words, and two blanks. */
const WORD_WIDTH = "last resort".length + 2;

/** Why a steered name was answered as it was: client, tables, the tree, TTL and scope, each in a sentence. */
export function explanationLines(explanation: Explanation, terminal: Terminal): string[] {
  const word = (text: string): string => paint(terminal, "bold", text.padEnd(WORD_WIDTH));
  const { tables } = explanation;
  return [
    `${word("client")}${clientSentence(explanation.client)}`,
    ...tables.map((table) => `${word(table.kind)}${tableSentence(table, explanation.client)}`),
    ...treeLines(explanation, word, terminal),
    `${word("ttl")}${ttlSentence(explanation.ttl)}`,
    `${word("scope")}${scopeSentence(explanation.scope, tables)}`,
  ];
}

function treeLines(explanation: Explanation, word: (text: string) => string, terminal: Terminal): string[] {
  const { root, lastResort } = explanation;
  const walks = [...root.earlier, root].map((walk) => ({ ...walk, earlier: [] }));
  const lines = walks.flatMap((walk) => {
    const [head, ...rest] = nodeLines(walk, terminal);
    return [`${word("policy")}${head}${passWords(walk.pass)}`, ...rest.map((line) => `  ${line}`)];
  });
  if (lastResort !== null) lines.push(`${word("last resort")}${lastResortSentence(lastResort)}`);
  return lines;
}

/** What a walk after the first one takes for up. */
function passWords(pass: PassName): string {
  switch (pass) {
    case "normal":
      return "";
    case "one-up":
      return "; walked again with min_healthy: 1";
    case "all":
      return "; walked again as if every endpoint were up";
  }
}

function lastResortSentence(lastResort: LastResortExplanation): string {
  const of = lastResort.of === null ? "the record" : `the node ${lastResort.of.label || lastResort.of.kind}`;
  switch (lastResort.kind) {
    case "all":
      return `all, of ${of}: everything has failed, so that everything is answered`;
    case "pool":
      return `pool ${lastResort.pool?.name ?? ""}, of ${of}: everything else has failed`;
    case "addresses":
      return `addresses, of ${of}: everything else has failed`;
    case "nodata":
    case "servfail":
      return `${lastResort.kind}, of ${of}: everything has failed`;
  }
}

function clientSentence(client: ClientExplanation): string {
  if (client.source === "resolver") return `${client.address}, the resolver: no client subnet counts here`;
  return `${client.address}/${client.sourceBits}, from the client subnet option; asked by ${client.resolver}`;
}

function tableSentence(table: TableExplanation, client: ClientExplanation): string {
  if (table.place === "unknown") return `nothing is known of ${client.address}: ${matchWords(table)}`;
  const who =
    table.place === "client"
      ? client.address
      : `${client.resolver}, the resolver, for ${client.address} is a special-purpose address,`;
  if (table.matches.length === 0) return `${who} matches no key (${table.tile})`;
  return `${who} ${table.kind === "nearest" ? "is nearest to" : "matches"} ${matchWords(table)} (${table.tile})`;
}

function matchWords(table: TableExplanation): string {
  return table.matches.length === 0
    ? "no key"
    : table.matches.join(table.kind === "nearest" ? ", then " : ", ");
}

function ttlSentence(ttl: TtlExplanation): string {
  if (ttl.minSeconds === ttl.maxSeconds) return `${ttl.seconds} s: fixed`;
  const { limit } = ttl;
  const source = limit === null ? "" : [limit.pool, limit.endpoint].filter((part) => part !== null).join("/");
  const change = limit === null ? "" : `${source || limit.address} can change in ${limit.horizonMs / 1000} s`;
  switch (ttl.reason) {
    case "settled":
      return `${ttl.seconds} s: the maximum; ${limit === null ? "nothing that was read can change sooner" : change}`;
    case "horizon":
      return `${ttl.seconds} s: ${change}`;
    case "min":
      return `${ttl.seconds} s: the minimum; ${change}`;
  }
}

function scopeSentence(scope: ScopeExplanation, tables: TableExplanation[]): string {
  switch (scope.reason) {
    case "tile": {
      const table = tables.find((candidate) => candidate.table === scope.table);
      return `/${scope.bits}: the widest prefix that is treated alike, which ${table?.kind ?? "a table"} bounds`;
    }
    case "no-ecs":
      return "none: the query carries no client subnet";
    case "ecs-off":
      return `/${scope.bits}: the record does not heed client subnets`;
    case "no-tables":
      return `/${scope.bits}: every client gets the same`;
    case "negative":
      return `/${scope.bits}: a negative answer is the same for every client`;
  }
}
