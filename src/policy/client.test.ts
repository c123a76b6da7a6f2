import { describe, expect, it } from "vitest";
import { FAMILY_IPV4, FAMILY_IPV6 } from "../wire/constants.ts";
import { createQuery, type Query } from "../wire/query.ts";
import { type Client, createClient, prepareClient } from "./client.ts";

function prepared(changes: Partial<Query>): Client {
  const client = createClient();
  client.resolverAddress.set([9, 9, 9, 9]);
  client.address.fill(77);
  prepareClient(client, { ...createQuery(), ...changes });
  return client;
}

const ecsAddress = Uint8Array.from([81, 2, 69, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

describe("the client of a query", () => {
  it("is the resolver without a client subnet option", () => {
    const { family, address, sourceBits, fromEcs } = prepared({});
    expect({ family, sourceBits, fromEcs }).toEqual({ family: 4, sourceBits: 0, fromEcs: 0 });
    expect([...address]).toEqual([9, 9, 9, 9, ...new Array<number>(12).fill(0)]);
  });

  it("is the option's ADDRESS, of the option's family", () => {
    const client = prepared({ hasEcs: 1, ecsFamily: FAMILY_IPV4, ecsSourceBits: 24, ecsAddress });
    expect(client).toMatchObject({ family: 4, sourceBits: 24, fromEcs: 1, address: ecsAddress });
    expect(prepared({ hasEcs: 1, ecsFamily: FAMILY_IPV6, ecsSourceBits: 56, ecsAddress }).family).toBe(6);
  });

  it("is the resolver when SOURCE is 0 (RFC 7871 section 7.1.2)", () => {
    const client = prepared({ hasEcs: 1, ecsFamily: FAMILY_IPV4, ecsSourceBits: 0, ecsAddress });
    expect(client).toMatchObject({ family: 4, fromEcs: 0 });
    expect(client.address[0]).toBe(9);
  });

  it("is the resolver for a family that nobody knows", () => {
    expect(prepared({ hasEcs: 1, ecsFamily: 0, ecsSourceBits: 8, ecsAddress })).toMatchObject({ fromEcs: 0 });
  });
});
