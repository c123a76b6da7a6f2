import type { ChildProcess } from "node:child_process";
import { expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { type DemoScene, demoScreen } from "./demo-screen.ts";

const scene: DemoScene = {
  host: "127.0.0.1",
  port: 5300,
  zones: "zones/",
  origins: [
    { name: "europe", address: "127.0.0.11", port: 5380, child: { pid: 4711 } as ChildProcess },
    { name: "asia", address: "127.0.0.13", port: 5380, child: null },
  ],
  withdrawalMs: 2500,
};

test("says what runs, what to type and how to stop a region", () => {
  const screen = demoScreen(scene, recordedTerminal()).join("\n");
  expect(screen).toContain("steerd demo: zones/ on 127.0.0.1:5300\n");
  expect(screen).toContain("IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0");
  expect(screen).toContain(
    "  1  europe  127.0.0.11:5380  process 4711\n  2  asia    127.0.0.13:5380  stopped\n",
  );
  expect(screen).toContain(
    "  dig @127.0.0.1 -p 5300 www.gslb.example A +subnet=193.0.6.0/24    # Amsterdam\n",
  );
  expect(screen).toContain("  kill 4711\n");
  expect(screen).toMatch(/node \S*dist\/cli\/origin-entry\.js europe 127\.0\.0\.11 5380 \d+\n/);
  expect(screen).toContain("within 2.5 s");
  expect(screen).not.toContain("Press");
});

test("offers keys where they can be pressed", () => {
  const terminal = { ...recordedTerminal(), keys: process.stdin };
  expect(demoScreen(scene, terminal).join("\n")).toContain("Press 1, 2 to stop and to start one.");
});

test("a configuration without origins is shown as such", () => {
  const screen = demoScreen({ ...scene, origins: [] }, recordedTerminal()).join("\n");
  expect(screen).toContain("kill PID");
  expect(screen).not.toContain("node ");
});
