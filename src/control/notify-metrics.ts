import { Counter, Gauge, type Registry } from "prom-client";
import type { ControlStatus } from "./status.ts";

/** Changes of health, and what became of telling others. */
export function addNotifications(registry: Registry, status: ControlStatus): void {
  const registers = [registry];
  new Counter({
    name: "steerd_transitions_total",
    help: "Changes of endpoints' and pools' states, by the state that they went to and why",
    labelNames: ["zone", "pool", "endpoint", "to", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { count, ...labels } of status.transitions.series()) this.inc({ ...labels }, count);
    },
  });
  new Counter({
    name: "steerd_notifications_total",
    help: "Events for receivers, by what became of them",
    labelNames: ["receiver", "outcome"],
    registers,
    collect() {
      this.reset();
      for (const { name: receiver, counts } of status.receivers())
        for (const [outcome, count] of Object.entries(counts)) this.inc({ receiver, outcome }, count);
    },
  });
  new Gauge({
    name: "steerd_notifications_queued",
    help: "Events that wait until their receiver takes them",
    labelNames: ["receiver"],
    registers,
    collect() {
      this.reset();
      for (const { name: receiver, queued } of status.receivers()) this.set({ receiver }, queued);
    },
  });
  new Gauge({
    name: "steerd_notifications_ok",
    help: "1 while the last request to the receiver was taken",
    labelNames: ["receiver"],
    registers,
    collect() {
      this.reset();
      for (const { name: receiver, isFailing } of status.receivers())
        this.set({ receiver }, isFailing ? 0 : 1);
    },
  });
}
