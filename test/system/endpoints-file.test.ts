import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { type Steerd, startSteerd } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const POLL = { timeout: 15_000, interval: 100 };

let server: Steerd;

/** Puts the list in place as a script should. */
function list(text: string): void {
  const path = join(server.folder, "zones/eu.json");
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function answered(): Promise<string> {
  const reply = await askUdp(server, buildQuery({ name: "www.gslb.example." }));
  const addresses = readMessage(reply!).answer.map(({ rdataOctets }) => [...rdataOctets].join("."));
  return addresses.sort().join(" ");
}

async function metric(name: string): Promise<string | undefined> {
  const text = await (await server.get("/metrics")).text();
  return new RegExp(`^${name}\\{zone="gslb.example",pool="eu"\\} (\\S+)$`, "m").exec(text)?.[1];
}

beforeAll(async () => {
  server = await startSteerd({
    "gslb.example.yaml": "pools:\n  eu: {endpoints_file: eu.json}\nrecords:\n  www: {policy: eu}\n",
    "eu.json": '["192.0.2.1", "192.0.2.2"]',
  });
});
afterAll(async () => void (await server?.stop()));

test("a list that a script writes is answered, and one that is broken or gone changes nothing", async () => {
  expect(await answered()).toBe("192.0.2.1 192.0.2.2");
  list('["192.0.2.2", "192.0.2.3", "192.0.2.4"]');
  await expect.poll(answered, POLL).toBe("192.0.2.2 192.0.2.3 192.0.2.4");
  expect(await metric("steerd_endpoints_file_ok")).toBe("1");

  list('["192.0.2.2", "192.');
  await server.child.waitFor(/eu\.json is not used: .*; the 3 endpoints in use stay/, 15_000);
  await expect.poll(() => metric("steerd_endpoints_file_ok"), POLL).toBe("0");
  expect(await answered()).toBe("192.0.2.2 192.0.2.3 192.0.2.4");

  rmSync(join(server.folder, "zones/eu.json"));
  await server.child.waitFor(/eu\.json is not used: there is no such file; the 3 endpoints/, 15_000);
  expect(await answered()).toBe("192.0.2.2 192.0.2.3 192.0.2.4");

  list('["192.0.2.9", "192.0.2.8"]');
  await expect.poll(answered, POLL).toBe("192.0.2.8 192.0.2.9");
  await server.child.waitFor(/pool eu: eu\.json is used again/);
  expect(await metric("steerd_endpoints_file_endpoints")).toBe("2");
});

test("a server that starts without the file goes on with the list that the one before it had", async () => {
  const zone = "pools:\n  eu: {endpoints_file: eu.json}\nrecords:\n  www: {policy: eu}\n";
  const options = { server: `state: {file: ${join(temporaryFolder("state"), "kept.json")}}` };
  await server.stop();
  server = await startSteerd({ "gslb.example.yaml": zone, "eu.json": '["192.0.2.1", "192.0.2.2"]' }, options);
  await expect.poll(answered, POLL).toBe("192.0.2.1 192.0.2.2");
  // Kept within seconds, so that even a kill loses nothing.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  server.child.signal("SIGKILL");
  await server.child.exited;
  server = await startSteerd({ "gslb.example.yaml": zone }, options);
  expect(await answered()).toBe("192.0.2.1 192.0.2.2");
  expect(await metric("steerd_endpoints_file_ok")).toBe("0");
  list('["192.0.2.7", "192.0.2.8"]');
  await expect.poll(answered, POLL).toBe("192.0.2.7 192.0.2.8");
});
