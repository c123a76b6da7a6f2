import { Bench } from "tinybench";
import { createAnswer, resetAnswer } from "../../src/wire/answer.ts";
import { TRANSPORT_UDP } from "../../src/wire/constants.ts";
import { viewOf } from "../../src/wire/octets.ts";
import { createQuery, parseQuery } from "../../src/wire/query.ts";
import { encodeAnswer, OUT_OCTETS } from "../../src/wire/response.ts";
import { createLookup, lookup } from "../../src/zone/lookup.ts";
import { alignColumns, format, publish } from "../support/report.ts";
import { contextOf, queryPacket } from "../support/server.ts";

/** The steps of a query on their own, in batches: where a change in answerQuery's time comes from. */
const BATCH = 1000;
const HEAD = "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n";

const { snapshot } = contextOf({
  "example.test.zone": `${HEAD}www 300 IN A 192.0.2.1\nalias 300 IN CNAME www\n`,
});
const query = createQuery();
const answer = createAnswer();
const state = createLookup(snapshot.zones);
const out = viewOf(new Uint8Array(OUT_OCTETS));
const bench = new Bench({ time: 500, warmupTime: 300 });

function addParse(name: string, packet: Uint8Array): void {
  const view = viewOf(packet);
  bench.add(`parseQuery, ${name}`, () => {
    for (let call = 0; call < BATCH; call++) parseQuery(view, packet.length, query);
  });
}

function addAnswer(name: string, packet: Uint8Array): void {
  const own = createQuery();
  const facts = createAnswer();
  parseQuery(viewOf(packet), packet.length, own);
  lookup(state, own.qname, own.qtype, facts);
  bench.add(`lookup, ${name}`, () => {
    for (let call = 0; call < BATCH; call++) {
      resetAnswer(answer);
      lookup(state, own.qname, own.qtype, answer);
    }
  });
  bench.add(`encodeAnswer, ${name}`, () => {
    for (let call = 0; call < BATCH; call++) {
      encodeAnswer(own, facts, snapshot.zones, TRANSPORT_UDP, out);
    }
  });
}

addParse("no EDNS", queryPacket("www.example.test.", 1));
addParse("EDNS and client subnet", queryPacket("www.example.test.", 1, "198.51.100.0/24"));
addAnswer("A", queryPacket("www.example.test.", 1));
addAnswer("CNAME and A", queryPacket("alias.example.test.", 1));
addAnswer("NXDOMAIN", queryPacket("absent.example.test.", 1));
await bench.run();

const rows = bench.tasks.map(({ name, result }) => {
  const latency = result !== undefined && "latency" in result ? result.latency : null;
  const ns = (ms: number): string => format((ms * 1e6) / BATCH);
  return latency === null ? [name, "-", "-"] : [name, ns(latency.p50), ns(latency.min)];
});
publish("micro-steps", alignColumns([["ns a call", "median", "least"], ...rows]), [], rows);
