/** One address and port that is listened on, for UDP and TCP alike. */
export interface Listener {
  /** Address in presentation form, without brackets. */
  host: string;
  /** 0: the kernel picks one. */
  port: number;
  family: 4 | 6;
}

/** `127.0.0.1:53` or `[::1]:53`. */
export function formatListener(listener: Listener): string {
  return listener.family === 6 ? `[${listener.host}]:${listener.port}` : `${listener.host}:${listener.port}`;
}

/** The listener that a socket's own address describes. */
export function boundTo(address: { address: string; family: string; port: number }): Listener {
  return { host: address.address, port: address.port, family: address.family === "IPv6" ? 6 : 4 };
}

/** Why a socket could not be opened; crosses threads. */
export interface ListenFailure {
  listener: Listener;
  transport: "udp" | "tcp";
  /** System error code, as `EADDRINUSE`. */
  code: string;
}

const REASONS: Record<string, string> = {
  EACCES:
    "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE (setcap, AmbientCapabilities=) or a port from 1024 on",
  EPERM: "permission denied: the sandbox or security policy forbids it",
  EADDRINUSE: "address in use: another server listens there; find it with ss -lunpt",
  EADDRNOTAVAIL: "address not available: no interface of this host has it",
  EAFNOSUPPORT: "address family not supported: IPv6 is switched off on this host",
  EMFILE: "out of file descriptors: raise the limit (ulimit -n, LimitNOFILE=)",
};

/** One line: `listen 127.0.0.1:53/udp: permission denied: ...`. */
export function formatListenFailure(failure: ListenFailure): string {
  const reason = REASONS[failure.code] ?? failure.code;
  return `listen ${formatListener(failure.listener)}/${failure.transport}: ${reason}`;
}

/**
 * Whether a failure only says that this host has no IPv6, where any address or loopback was asked for: the default
 * configuration must serve in a container without IPv6.
 */
function isWithoutIpv6(failure: ListenFailure): boolean {
  const { host, family } = failure.listener;
  if (family !== 6 || (host !== "::1" && host !== "::")) return false;
  return failure.code === "EADDRNOTAVAIL" || failure.code === "EAFNOSUPPORT";
}

/** Splits what failed from what may be left out; `fatal` is empty when at least one listener is open and the rest may. */
export function judgeFailures(
  failures: ListenFailure[],
  listenerCount: number,
): { fatal: ListenFailure[]; skipped: ListenFailure[] } {
  const harmless = failures.length < listenerCount && failures.every(isWithoutIpv6);
  return harmless ? { fatal: [], skipped: failures } : { fatal: failures, skipped: [] };
}
