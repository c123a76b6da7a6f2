import { Buffer } from "node:buffer";
import { type OnReadOpts, Socket, type SocketConstructorOpts, type TcpSocketConnectOpts } from "node:net";

/** Who hears what happens on a connection. */
export interface ConnectionUser {
  onConnect(): void;
  /** The TLS handshake has ended. */
  onSecure(): void;
  /** Octets have come, which are gone once this returns; false stops the reading. */
  onRead(octets: Buffer): boolean;
  onError(error: NodeJS.ErrnoException): void;
  /** The other end has said its last. */
  onEnd(): void;
  onClose(): void;
}

/**
 * One read buffer for all probes: what it holds is read before the callback returns, so nothing is allocated per read
 * and no target can make the process hold more than this.
 */
const READ_BUFFER = Buffer.alloc(8_192);

/** What was last read. Answers to one check are mostly of one length, and a new view costs more than the octets in it. */
let lastRead = READ_BUFFER.subarray(0, 0);

/** Plain connections whose sockets are closed, the latest last. Opening such a socket again costs half of making one, and nothing to collect. */
const spare: Connection[] = [];

/** More than close in one tick of the scheduler, at some 4 KB each. */
const SPARE_MAX = 512;

/** Connections that are kept at most while nobody uses them: one for each of the 10,000 targets that the prober is built for. */
const IDLE_MAX = 10_240;

/** Connections that have been kept, in use or not, until they are closed for good. */
const lasting = new Set<Connection>();

let idleCount = 0;

/**
 * Opens a plain connection. Without TCP_NODELAY: a request is one write, with nothing before it under way, and waits for
 * no acknowledgement. Throws where the address or the port is none.
 */
export function openPlain(place: TcpSocketConnectOpts, user: ConnectionUser): Connection {
  const connection = spare.pop() ?? new Connection(makeSocket, false, null);
  connection.open(place, user);
  return connection;
}

/** The types know `onread` for connect() only; the constructor documents and takes it too. */
const makeSocket = (onread: OnReadOpts): Socket => new Socket({ onread } as SocketConstructorOpts);

/** Opens a connection of another kind. Throws what `open` throws. */
export function openWith(
  open: (onread: OnReadOpts) => Socket,
  isSecure: boolean,
  user: ConnectionUser,
): Connection {
  return new Connection(open, isSecure, user);
}

/** A socket that outlives the probe which opened it. Its listeners are set once, so that using it again costs none. */
export class Connection {
  readonly socket: Socket;
  /** Null: it is idle, or closed. */
  private user: ConnectionUser | null;
  private isIdle = false;
  private isLasting = false;
  /** Whoever had it has let go of it in good order: once it is closed, another may have it. */
  private isFree = false;
  /** False: it has failed, or one of the ends has closed it. */
  isOpen = true;

  constructor(make: (onread: OnReadOpts) => Socket, isSecure: boolean, user: ConnectionUser | null) {
    this.user = user;
    this.socket = make({ buffer: READ_BUFFER, callback: (count) => this.onRead(count) });
    this.socket.on("connect", () => this.user?.onConnect());
    if (isSecure) this.socket.on("secureConnect", () => this.user?.onSecure());
    this.socket.on("error", (error) => {
      this.isOpen = false;
      this.user?.onError(error);
    });
    this.socket.on("end", () => {
      this.isOpen = false;
      if (this.user === null) this.close();
      else this.user.onEnd();
    });
    this.socket.on("close", () => {
      this.isOpen = false;
      if (this.isFree && spare.length < SPARE_MAX) {
        spare.push(this);
        return;
      }
      this.isFree = false;
      this.retire();
      this.user?.onClose();
    });
  }

  /** Connects its socket, which is new or closed. */
  open(place: TcpSocketConnectOpts, user: ConnectionUser): void {
    this.user = user;
    this.isOpen = true;
    this.isFree = false;
    this.socket.connect(place);
  }

  /** Keeps the connection for a later probe; closes it where too many are kept. */
  keep(): void {
    this.user = null;
    if (!this.isOpen || idleCount >= IDLE_MAX) {
      this.close();
      return;
    }
    if (!this.isLasting) lasting.add(this);
    this.isLasting = true;
    this.setIdle(true);
  }

  /** Hands a kept connection to its next user. */
  takeUp(user: ConnectionUser): void {
    this.setIdle(false);
    this.user = user;
  }

  /** Closes it; nobody hears of it any more. */
  close(): void {
    this.user = null;
    this.isOpen = false;
    this.retire();
    this.socket.destroy();
  }

  /** Closes it after a success: who calls uses it no more, and nobody else knows it. */
  release(): void {
    this.isFree = this.isOpen;
    this.close();
  }

  closeIfIdle(): void {
    if (this.isIdle) this.close();
  }

  private retire(): void {
    this.setIdle(false);
    // Who opens it again may well keep it again.
    if (!this.isLasting || this.isFree) return;
    lasting.delete(this);
    this.isLasting = false;
  }

  private setIdle(isIdle: boolean): void {
    if (this.isIdle === isIdle) return;
    this.isIdle = isIdle;
    idleCount += isIdle ? 1 : -1;
  }

  private onRead(count: number): boolean {
    if (lastRead.length !== count) lastRead = READ_BUFFER.subarray(0, count);
    if (this.user !== null) return this.user.onRead(lastRead);
    // Nobody asked: what comes would be taken for the answer to the next request.
    this.close();
    return false;
  }
}

/** Gives all descriptors back that no probe needs now. */
export function closeIdle(): void {
  for (const connection of [...lasting]) connection.closeIfIdle();
}
