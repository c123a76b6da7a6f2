/**
 * Why an address has the state it has: one integer, as ROW_REASON carries it. Below REASON_STATUS an index into the
 * texts here; from REASON_STATUS on an HTTP status that was not expected (REASON_STATUS + 503 is `status-503`), and so on.
 */
export type Reason = number;

/** No result yet. */
export const REASON_NONE = 0;
/** The probe succeeded. */
export const REASON_OK = 1;
/** The target answered the connection attempt with a reset. */
export const REASON_REFUSED = 2;
/** The deadline passed before the connection stood. */
export const REASON_TIMEOUT_CONNECT = 3;
/** The deadline passed within the TLS handshake. */
export const REASON_TIMEOUT_TLS = 4;
/** The deadline passed before the response's header section had ended. */
export const REASON_TIMEOUT_HEADERS = 5;
/** The deadline passed within the response's body. */
export const REASON_TIMEOUT_BODY = 6;
/** The target reset the connection after it stood. */
export const REASON_RESET = 7;
/** The target closed the connection before its response was complete. */
export const REASON_CLOSED = 8;
/** The network or the host cannot be reached, or there is no route. */
export const REASON_UNREACHABLE = 9;
/** The certificate is for another name. */
export const REASON_TLS_NAME = 10;
export const REASON_TLS_EXPIRED = 11;
export const REASON_TLS_NOT_YET_VALID = 12;
/** The certificate's chain ends at no trusted root. */
export const REASON_TLS_UNTRUSTED = 13;
/** The handshake failed otherwise: no TLS there, no common version or cipher. */
export const REASON_TLS_HANDSHAKE = 14;
/** The body lacks the expected text. */
export const REASON_BODY_MISMATCH = 15;
/** The body is compressed although identity was asked, and a text was expected of it. */
export const REASON_BODY_ENCODED = 16;
/** What came is not HTTP/1. */
export const REASON_MALFORMED = 17;
/** The check's path, host or address cannot be sent as they are. */
export const REASON_REQUEST_INVALID = 18;
/** This process has no file descriptor, local port or memory left for the probe: says nothing about the target. */
export const REASON_FD_LIMIT = 19;
/** The probe itself failed: a defect, contained. */
export const REASON_PROBE_ERROR = 20;
/** Said to be down by the caller (`explain --down`). */
export const REASON_ASSUMED = 21;
/** The name that is to be probed has no address that the system's resolver knows. */
export const REASON_NAME_UNRESOLVED = 22;
/** All of its addresses lie in special-purpose blocks that are not allowed. */
export const REASON_NAME_FORBIDDEN = 23;
/** The certificate is its own issuer. */
export const REASON_TLS_SELF_SIGNED = 24;
/** The answer is no JSON within its first 5,120 octets. */
export const REASON_JSON_MALFORMED = 25;
/** The status in the JSON answer is missing, or not a healthy one. */
export const REASON_JSON_STATUS = 26;
/** One of the checks in the JSON answer is not healthy. */
export const REASON_JSON_CHECK = 27;
/** More redirects than the check allows. */
export const REASON_REDIRECT_LIMIT = 28;
/** A redirect to nowhere that can be followed. */
export const REASON_REDIRECT_INVALID = 29;
/** The deadline passed before the answer had come, of a probe without phases. */
export const REASON_TIMEOUT = 30;
/** What was expected is not in the part of the DNS answer that came. */
export const REASON_TRUNCATED = 31;
/** The DNS answer lacks the expected data. */
export const REASON_ANSWER_MISMATCH = 32;
/** A warning: all is well, but the certificate expires soon. */
export const REASON_TLS_EXPIRES_SOON = 33;
/** The handshake ended without agreement on HTTP/2. */
export const REASON_TLS_NO_H2 = 34;
/** The service says NOT_SERVING. */
export const REASON_GRPC_NOT_SERVING = 35;
/** The service says UNKNOWN, or a status that is none. */
export const REASON_GRPC_UNKNOWN = 36;
/** The server does not know the service. */
export const REASON_GRPC_SERVICE_UNKNOWN = 37;
/** A warning: up, but what was asked is not content (exit code 1, or the word in a file). */
export const REASON_WARNING = 38;
/** The program could not be started. */
export const REASON_PROGRAM_FAILED = 39;
/** The program wrote more than it may. */
export const REASON_PROGRAM_OUTPUT = 40;
/** The program was ended by a signal. */
export const REASON_PROGRAM_SIGNAL = 41;
/** The file is not there, or cannot be read. */
export const REASON_FILE_MISSING = 42;
/** Nobody has written the file for too long. */
export const REASON_FILE_STALE = 43;
/** The file says none of up, warning and down. */
export const REASON_FILE_INVALID = 44;
/** A file or the check itself says down. */
export const REASON_STATE_DOWN = 45;
/** No echo came back. */
export const REASON_NO_REPLY = 46;
/** The system's ping could not ask. */
export const REASON_PING_FAILED = 47;
/** What it is calculated from says so. */
export const REASON_CALCULATED = 48;
/** The check of its whole region fails. */
export const REASON_REGION_DOWN = 49;
/** Added to REASON_STATUS: the HTTP status. */
export const REASON_STATUS = 1000;
/** Added to it: the status of a gRPC call, 0 to 16. */
export const REASON_GRPC_STATUS = 2000;
/** Added to it: the response code of a DNS answer. */
export const REASON_RCODE = 3000;
/** Added to it: the exit code of a program. */
export const REASON_EXIT = 4000;

const TEXTS: readonly string[] = [
  "none",
  "ok",
  "refused",
  "timeout-connect",
  "timeout-tls",
  "timeout-headers",
  "timeout-body",
  "reset",
  "closed",
  "unreachable",
  "tls-name",
  "tls-expired",
  "tls-not-yet-valid",
  "tls-untrusted",
  "tls-handshake",
  "body-mismatch",
  "body-encoded",
  "malformed",
  "request-invalid",
  "fd-limit",
  "probe-error",
  "assumed",
  "name-unresolved",
  "name-forbidden",
  "tls-self-signed",
  "json-malformed",
  "json-status",
  "json-check",
  "redirect-limit",
  "redirect-invalid",
  "timeout",
  "truncated",
  "answer-mismatch",
  "tls-expires-soon",
  "tls-no-h2",
  "grpc-not-serving",
  "grpc-unknown",
  "grpc-service-unknown",
  "warning",
  "program-failed",
  "program-output",
  "program-signal",
  "file-missing",
  "file-stale",
  "file-invalid",
  "state-down",
  "no-reply",
  "ping-failed",
  "calculated",
  "region-down",
];

/** RFC 1035 section 4.1.1. */
const RCODES: readonly string[] = ["noerror", "formerr", "servfail", "nxdomain", "notimp", "refused"];

/** True for a success that people should look at. */
export function isWarning(reason: Reason): boolean {
  return reason === REASON_TLS_EXPIRES_SOON || reason === REASON_WARNING;
}

/** True for a success, with a warning or without. */
export function isSuccess(reason: Reason): boolean {
  return reason === REASON_OK || isWarning(reason);
}

/** Name of a reason for logs and metrics: `refused`, `status-503`; `none` for a number that is no reason. */
export function reasonText(reason: Reason): string {
  if (reason >= REASON_EXIT) return `exit-${reason - REASON_EXIT}`;
  if (reason >= REASON_RCODE) {
    const rcode = reason - REASON_RCODE;
    return `rcode-${RCODES[rcode] ?? rcode}`;
  }
  if (reason >= REASON_GRPC_STATUS) return `grpc-status-${reason - REASON_GRPC_STATUS}`;
  if (reason >= REASON_STATUS) return `status-${reason - REASON_STATUS}`;
  return TEXTS[reason] ?? "none";
}

/** The reason of a name that reasonText made; REASON_NONE for any other text. */
export function reasonOf(text: string): Reason {
  const known = TEXTS.indexOf(text);
  if (known >= 0) return known;
  const match = /^(status|grpc-status|rcode|exit)-(.{1,8})$/.exec(text);
  if (match === null) return REASON_NONE;
  const base = {
    status: REASON_STATUS,
    "grpc-status": REASON_GRPC_STATUS,
    rcode: REASON_RCODE,
    exit: REASON_EXIT,
  };
  const [, kind, rest] = match;
  const rcode = kind === "rcode" ? RCODES.indexOf(rest!) : -1;
  const number = rcode >= 0 ? rcode : /^\d{1,3}$/.test(rest!) ? Number(rest) : Number.NaN;
  return Number.isNaN(number) ? REASON_NONE : base[kind as keyof typeof base] + number;
}
