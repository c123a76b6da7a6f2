/** Numbers of the DNS protocol (IANA "Domain Name System (DNS) Parameters"). Plain constants, so that V8 folds them. */

export const TYPE_A = 1;
export const TYPE_NS = 2;
export const TYPE_CNAME = 5;
export const TYPE_SOA = 6;
export const TYPE_PTR = 12;
export const TYPE_HINFO = 13;
export const TYPE_MX = 15;
export const TYPE_TXT = 16;
export const TYPE_AAAA = 28;
export const TYPE_LOC = 29;
export const TYPE_SRV = 33;
export const TYPE_DNAME = 39;
export const TYPE_OPT = 41;
export const TYPE_DS = 43;
export const TYPE_RRSIG = 46;
export const TYPE_SVCB = 64;
export const TYPE_HTTPS = 65;
export const TYPE_IXFR = 251;
export const TYPE_AXFR = 252;
export const TYPE_MAILB = 253;
export const TYPE_MAILA = 254;
export const TYPE_ANY = 255;

export const CLASS_IN = 1;

export const OPCODE_QUERY = 0;
export const OPCODE_NOTIFY = 4;

export const RCODE_NOERROR = 0;
export const RCODE_FORMERR = 1;
export const RCODE_SERVFAIL = 2;
export const RCODE_NXDOMAIN = 3;
export const RCODE_NOTIMP = 4;
export const RCODE_REFUSED = 5;
export const RCODE_YXDOMAIN = 6;
/** Extended (RFC 6891 section 9): the upper eight bits travel in the OPT record. */
export const RCODE_BADVERS = 16;

export const OPTION_ECS = 8;
export const OPTION_COOKIE = 10;
export const OPTION_EDE = 15;

/** Extended DNS Error codes (RFC 8914 section 4). */
export const EDE_NONE = -1;
export const EDE_NOT_AUTHORITATIVE = 20;

export const FAMILY_IPV4 = 1;
export const FAMILY_IPV6 = 2;

export const TRANSPORT_UDP = 0;
export const TRANSPORT_TCP = 1;

/** RFC 1035 section 3.1: a name has at most 255 octets, a label 63. */
export const MAX_NAME_OCTETS = 255;
export const MAX_LABEL_OCTETS = 63;
/** 255 octets hold at most 127 labels of one octet each, and the root. */
export const MAX_LABELS = 128;
