import type { HealthClock, ProbeResult, RunningProbe, StartProbe } from "../probe.ts";
import type { Connection } from "./connection.ts";
import { type ExchangePlan, startExchange } from "./exchange.ts";

/** The connection that is kept between the probes of one target, and how often it may serve. */
class Keeper {
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

  /** True when the connection serves its last probe now. */
  get isLast(): boolean {
    return this.served + 1 >= this.limit;
  }

  /** Null: a fresh one is needed, and counts from now on. */
  take(): Connection | null {
    const { connection } = this;
    this.connection = null;
    if (connection?.isOpen === true) return connection;
    this.renew();
    return null;
  }

  readonly keep = (connection: Connection): void => {
    this.served += 1;
    this.connection = connection;
    connection.keep();
  };

  /** Whatever was kept, the next connection is a fresh one. */
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

/** Makes the exchange of one probe, on a kept connection if there is one; without `keep` its connection ends with it. */
type PlanFor = (kept: Connection | null, keep: ExchangePlan["keep"]) => ExchangePlan;

/**
 * Probes of which up to `reuse` share a connection. What fails on a connection that was kept may be the connection's
 * fault: it is asked again at once on a fresh one, within the same deadline. `seed` places a target's fresh connections
 * among those of the others, which else would all be due in the same round.
 */
export function prepareKept(planFor: PlanFor, reuse: number, seed: number, clock: HealthClock): StartProbe {
  const keeper = new Keeper(reuse, 1 + (seed % reuse));
  const start = (done: (result: ProbeResult) => void): RunningProbe =>
    new KeptProbe(planFor, keeper, clock, done);
  return Object.assign(start, { release: () => keeper.close() });
}

class KeptProbe implements RunningProbe {
  private readonly planFor: PlanFor;
  private readonly keeper: Keeper;
  private readonly clock: HealthClock;
  private readonly done: (result: ProbeResult) => void;
  private readonly startMs: number;
  private running: RunningProbe | null = null;
  private mayRetry: boolean;

  constructor(planFor: PlanFor, keeper: Keeper, clock: HealthClock, done: (result: ProbeResult) => void) {
    this.planFor = planFor;
    this.keeper = keeper;
    this.clock = clock;
    this.done = done;
    this.startMs = clock.nowMs();
    const kept = keeper.take();
    this.mayRetry = kept !== null;
    this.run(kept);
  }

  expire(): void {
    this.mayRetry = false;
    this.running?.expire();
  }

  cancel(): void {
    this.mayRetry = false;
    this.running?.cancel();
  }

  private run(kept: Connection | null): void {
    const plan = this.planFor(kept, this.keeper.isLast ? undefined : this.keeper.keep);
    const running = startExchange(plan, this.clock, (result) => this.ended(result), this.startMs);
    // A kept connection may fail before this line, and the second attempt is under way.
    if (kept === null || this.mayRetry) this.running = running;
  }

  private ended(result: ProbeResult): void {
    if (result.ok || !this.mayRetry) {
      this.done(result);
      return;
    }
    this.mayRetry = false;
    this.keeper.renew();
    this.run(null);
  }
}
