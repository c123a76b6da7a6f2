import type { HealthClock, ProbeResult, RunningProbe, StartProbe } from "../probe.ts";
import type { Connection } from "./connection.ts";
import { type ExchangePlan, type Keeper, startExchange } from "./exchange.ts";

/** Counts how often a connection has served. */
class CountingKeeper implements Keeper {
  private readonly reuse: number;
  private limit: number;
  private isFirst = true;
  private connection: Connection | null = null;
  /** Probes that the connection has served. */
  private served = 0;

  /** The first connection serves `first` probes. */
  constructor(reuse: number, first: number) {
    this.reuse = reuse;
    this.limit = first;
  }

  get isLasting(): boolean {
    return this.served + 1 < this.limit;
  }

  take(): Connection | null {
    const { connection } = this;
    this.connection = null;
    if (connection?.isOpen === true) return connection;
    this.renew();
    return null;
  }

  keep(connection: Connection): void {
    this.served += 1;
    this.connection = connection;
    connection.keep();
  }

  renew(): void {
    this.served = 0;
    if (!this.isFirst) this.limit = this.reuse;
    this.isFirst = false;
  }

  close(): void {
    this.connection?.close();
    this.connection = null;
  }
}

/**
 * Probes of which up to `reuse` share a connection. `seed` places a target's fresh connections among those of the others,
 * which else would all be due in the same round.
 */
export function prepareKept(plan: ExchangePlan, reuse: number, seed: number, clock: HealthClock): StartProbe {
  const keeper = new CountingKeeper(reuse, 1 + (seed % reuse));
  const start = (done: (result: ProbeResult) => void): RunningProbe =>
    startExchange(plan, clock, done, keeper);
  return Object.assign(start, { release: () => keeper.close() });
}
