import type { KnownNames, WantedName } from "../config/known-names.ts";
import type { HealthClock } from "../health/probe.ts";
import type { Log } from "../serve/messages.ts";
import type { Looked, LookUp } from "./look-up.ts";

/** What is known of one name. */
export interface NameState {
  ipv4: string[];
  ipv6: string[];
  /** Monotonic; null: never found. */
  foundMs: number | null;
  /** The last lookup failed, and the log has it. */
  isFailing: boolean;
}

export interface NamesOptions {
  clock: HealthClock;
  log: Log;
  lookUp: LookUp;
  /** What is known from before; may have names that nobody wants any longer. */
  known: KnownNames;
  /** The addresses of a name have changed. */
  onChange: () => void;
}

/** Looks names up, each on its interval, and keeps what was found last when nobody answers. */
export interface Names {
  /** Addresses by name, those of a name in one order. */
  known: KnownNames;
  states: ReadonlyMap<string, NameState>;
  /** Looks up these names from now on, and no others. True: nothing is known of one of them yet, not even that it fails. */
  want(wanted: readonly WantedName[], resolvers: readonly string[]): boolean;
  /**
   * Calls `go` once every wanted name was looked up once, or after `maxMs`; at once where that is so already. Whoever waits
   * already is replaced, and keeps its end.
   */
  whenTried(maxMs: number, go: () => void): void;
  stop(): void;
}

interface Watched {
  wanted: WantedName;
  state: NameState;
  isTried: boolean;
  timer: unknown;
  /** An answer on its way counts for nothing. */
  isDropped: boolean;
}

export function createNames(options: NamesOptions): Names {
  return new NameKeeper(options);
}

class NameKeeper implements Names {
  readonly known = new Map<string, readonly string[]>();
  readonly states = new Map<string, NameState>();
  private readonly watched = new Map<string, Watched>();
  private readonly options: NamesOptions;
  private resolvers: readonly string[] = [];
  private waiting: { go: () => void; timer: unknown } | null = null;

  constructor(options: NamesOptions) {
    this.options = options;
    for (const [name, addresses] of options.known) this.known.set(name, addresses);
  }

  want(wanted: readonly WantedName[], resolvers: readonly string[]): boolean {
    this.resolvers = resolvers;
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, watched] of this.watched) if (!names.has(name)) this.drop(name, watched);
    for (const name of this.known.keys()) if (!names.has(name)) this.known.delete(name);
    for (const one of wanted) {
      const running = this.watched.get(one.name);
      if (running !== undefined) {
        running.wanted = one;
        continue;
      }
      const before = this.known.get(one.name);
      const state = stateFrom(before ?? [], this.options.clock);
      const isTried = before !== undefined;
      const watched: Watched = { wanted: one, state, isTried, timer: null, isDropped: false };
      this.watched.set(one.name, watched);
      this.states.set(one.name, state);
      void this.look(watched);
    }
    return !this.areTried();
  }

  whenTried(maxMs: number, go: () => void): void {
    if (this.areTried()) {
      this.forgetWaiting();
      go();
    } else if (this.waiting === null)
      this.waiting = { go, timer: this.options.clock.setTimer(() => this.goOn(), maxMs) };
    else this.waiting.go = go;
  }

  stop(): void {
    this.forgetWaiting();
    for (const [name, watched] of this.watched) this.drop(name, watched);
  }

  private drop(name: string, watched: Watched): void {
    watched.isDropped = true;
    this.options.clock.clearTimer(watched.timer);
    this.watched.delete(name);
    this.states.delete(name);
    this.known.delete(name);
  }

  private areTried(): boolean {
    return [...this.watched.values()].every(({ isTried }) => isTried);
  }

  private goOn(): void {
    const { waiting } = this;
    this.forgetWaiting();
    waiting?.go();
  }

  private forgetWaiting(): void {
    if (this.waiting !== null) this.options.clock.clearTimer(this.waiting.timer);
    this.waiting = null;
  }

  private async look(watched: Watched): Promise<void> {
    const { clock, lookUp, onChange } = this.options;
    const looked = await lookUp(watched.wanted.name, this.resolvers);
    if (watched.isDropped) return;
    watched.timer = clock.setTimer(() => void this.look(watched), watched.wanted.intervalMs);
    const isChanged = this.take(watched, looked);
    watched.isTried = true;
    if (this.waiting !== null) {
      if (this.areTried()) this.goOn();
    } else if (isChanged) onChange();
  }

  /** True: the addresses have changed. A family of which nobody can say anything stays as it was. */
  private take(watched: Watched, { ipv4, ipv6 }: Looked): boolean {
    const { state, wanted } = watched;
    const { clock, log } = this.options;
    const found = [ipv4, ipv6].some((family) => Array.isArray(family) && family.length > 0);
    if (!found) {
      this.fail(watched, Array.isArray(ipv4) ? "no address" : ipv4.code);
      return false;
    }
    if (state.isFailing) log("info", `${wanted.name} is looked up again (${wanted.place})`);
    state.isFailing = false;
    state.foundMs = clock.nowMs();
    state.ipv4 = familyOf(ipv4, state.ipv4);
    state.ipv6 = familyOf(ipv6, state.ipv6);
    const addresses = [...state.ipv4, ...state.ipv6];
    const before = this.known.get(wanted.name) ?? [];
    if (addresses.join() === before.join()) return false;
    this.known.set(wanted.name, addresses);
    log("info", `${wanted.name} has ${addresses.length} addresses, it had ${before.length}`);
    return true;
  }

  private fail({ state, wanted }: Watched, code: string): void {
    if (state.isFailing) return;
    state.isFailing = true;
    const { foundMs } = state;
    const kept =
      foundMs === null
        ? "no address is known"
        : `the addresses found ${Math.round((this.options.clock.nowMs() - foundMs) / 1000)} s ago stay in use`;
    this.options.log("warn", `${wanted.place} resolve ${wanted.name}: ${code}; ${kept}`);
  }
}

function stateFrom(addresses: readonly string[], clock: HealthClock): NameState {
  return {
    ipv4: addresses.filter((address) => !address.includes(":")),
    ipv6: addresses.filter((address) => address.includes(":")),
    foundMs: addresses.length === 0 ? null : clock.nowMs(),
    isFailing: false,
  };
}

function familyOf(found: Looked["ipv4"], before: string[]): string[] {
  if (Array.isArray(found)) return [...found].sort();
  return found.isAnswer ? [] : before;
}
