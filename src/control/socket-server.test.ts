import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { ServerRefusal, Unreachable } from "../cli/command.ts";
import { connectControl } from "../cli/control-client.ts";
import { keepSocketOpen } from "./socket-keeper.ts";
import { type Handler, openControlSocket, RequestRefused, type SocketServer } from "./socket-server.ts";

let folder: string;
let path: string;
let server: SocketServer | null;
let logged: string[];
let followers: Set<(line: unknown) => void>;
const open: Socket[] = [];
const log = (level: string, message: string): void => void logged.push(`${level} ${message}`);

const handlers: Record<string, Handler> = {
  echo: ({ text }) => ({ text }),
  late: async ({ ms }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
    return { ms };
  },
  refuse: () => {
    throw new RequestRefused("not today");
  },
  break: () => {
    throw new Error("a defect");
  },
  large: ({ octets }) => ({ text: "x".repeat(Number(octets)) }),
  follow: (_request, send, onClose) => {
    followers.add(send);
    onClose(() => followers.delete(send));
    return {};
  },
};

beforeEach(() => {
  folder = temporaryFolder("socket");
  path = join(folder, "s.sock");
  server = null;
  logged = [];
  followers = new Set();
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await server?.close();
});

async function listen(patienceMs?: number): Promise<void> {
  server = await openControlSocket(path, handlers, log, patienceMs);
}

/** Sends octets as they are; collects what comes back until the connection ends or `until` is met. */
function raw(text: string, until: (received: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(path, () => socket.write(text));
    open.push(socket);
    socket.setEncoding("utf8");
    socket.on("data", (more) => {
      received += more;
      if (until(received)) resolve(received);
    });
    socket.on("error", () => resolve(`${received}(error)`));
    socket.on("close", () => resolve(`${received}(closed)`));
  });
}

describe("the place of the socket", () => {
  it("is for this user alone, and nothing else is left in the folder", async () => {
    await listen();
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(readdirSync(folder)).toEqual(["s.sock"]);
    await server!.close();
    server = null;
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is taken over from a process that died, and not from one that lives", async () => {
    await listen();
    await expect(openControlSocket(path, handlers, log)).rejects.toMatchObject({ code: "EADDRINUSE" });
    await server!.close();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(folder, "dead"), resolve));
    symlinkSync("dead", join(folder, "unused"));
    const { renameSync } = await import("node:fs");
    renameSync(join(folder, "dead"), path);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(path)).toBe(true);
    await listen();
    const client = await connectControl(path);
    expect(await client.ask("echo", { text: "here" })).toEqual({ text: "here" });
    client.close();
  });

  it("is never something else that stands there, a path that is too long, or a folder that is not there", async () => {
    writeFileSync(path, "mine");
    await expect(listen()).rejects.toMatchObject({ code: "EEXIST" });
    path = join(folder, "x".repeat(120));
    await expect(listen()).rejects.toMatchObject({ code: "ENAMETOOLONG" });
    path = join(folder, "gone/s.sock");
    await expect(listen()).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("is tried again until it can be had, and told once", async () => {
    writeFileSync(path, "mine");
    const keeper = keepSocketOpen(handlers, log);
    keeper.listenOn(path);
    await expect.poll(() => logged.length).toBe(1);
    expect(logged[0]).toBe(
      `warn no control socket at ${path}: something that is no socket stands there; trying again`,
    );
    rmSync(path);
    await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
    await keeper.close();
    expect(existsSync(path)).toBe(false);
  }, 20_000);
});

it("a socket that is taken away is opened again, and told once", async () => {
  const keeper = keepSocketOpen(handlers, log, 20);
  keeper.listenOn(path);
  await expect.poll(() => existsSync(path)).toBe(true);
  rmSync(path);
  await expect.poll(() => logged.length).toBeGreaterThan(0);
  await expect.poll(() => existsSync(path)).toBe(true);
  const client = await connectControl(path);
  expect(await client.ask("echo", { text: "again" })).toEqual({ text: "again" });
  client.close();
  // Also when it is asked for once more, as after a reload.
  rmSync(path);
  keeper.listenOn(path);
  await expect.poll(() => existsSync(path)).toBe(true);
  await keeper.close();
  const warnings = logged.filter((line) => line.startsWith("warn"));
  const warning = `warn the control socket at ${path} was taken away: opening it again`;
  expect(warnings).toEqual([warning, warning]);
  expect(existsSync(path)).toBe(false);
});

describe("requests", () => {
  it("are answered one by one, in their order", async () => {
    await listen();
    const client = await connectControl(path);
    const replies = await Promise.all([
      client.ask("late", { ms: 50 }),
      client.ask("echo", { text: "second" }),
      client.ask("late", { ms: 1 }),
    ]);
    expect(replies).toEqual([{ ms: 50 }, { text: "second" }, { ms: 1 }]);
    client.close();
  });

  it("that are refused, unknown, broken or no JSON get an answer in words", async () => {
    await listen();
    const client = await connectControl(path);
    await expect(client.ask("refuse")).rejects.toThrow(new ServerRefusal("not today"));
    await expect(client.ask("constructor")).rejects.toThrow('this server knows no "constructor"');
    await expect(client.ask("break")).rejects.toThrow("its log says why");
    expect(logged).toEqual(["error the control socket's break failed"]);
    client.close();
    for (const text of ["nonsense\n", "[]\n", "null\n", "7\n", '{"op":\n', '{"op":{"toString":1}}\n'])
      expect(await raw(text, (received) => received.endsWith("\n"))).toMatch(
        /^{"ok":false,"code":400,"error":/,
      );
  });

  it("that never end are cut off", async () => {
    await listen();
    expect(await raw("x".repeat(3 * 2 ** 20))).toContain("a request has at most");
  });

  it("that do not come are not waited for", async () => {
    await listen(50);
    expect(await raw('{"op"')).toBe("(closed)");
  });

  it("may have a reply of many megabytes", async () => {
    await listen();
    const client = await connectControl(path);
    const { text } = await client.ask<{ text: string }>("large", { octets: 20_000_000 });
    expect(text).toHaveLength(20_000_000);
    client.close();
  });
});

describe("many clients", () => {
  /** As many as there may be, each of which has sent `text`. */
  async function crowd(text: string, length = 64): Promise<Socket[]> {
    const sockets = Array.from({ length }, () => connect(path));
    open.push(...sockets);
    for (const socket of sockets) socket.on("error", () => undefined).write(text);
    if (text === "")
      await Promise.all(sockets.map((each) => new Promise((done) => each.on("connect", done))));
    else await Promise.all(sockets.map((each) => new Promise((done) => each.once("data", done))));
    return sockets;
  }

  it.each([
    ["", "that say nothing"],
    ['{"op":"echo"}\n', "that were answered"],
  ])("%j: those %s make place for one that asks, the longest silent first", async (text) => {
    await listen();
    const sockets = await crowd(text);
    const closed = new Promise((resolve) => sockets[0]!.once("close", resolve).resume());
    const client = await connectControl(path);
    expect(await client.ask("echo", { text: "in" })).toEqual({ text: "in" });
    await closed;
    expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1);
    client.close();
  });

  it("that follow leave room for those that ask: 48 may, and as many again ask and are answered", async () => {
    await listen();
    const sockets = await crowd('{"op":"follow"}\n', 70);
    await expect.poll(() => followers.size).toBe(48);
    const client = await connectControl(path);
    await expect(client.ask("follow")).rejects.toThrow(new ServerRefusal("48 clients follow already"));
    client.close();
    for (let n = 0; n < 60; n++) {
      const other = await connectControl(path);
      expect(await other.ask("echo", { text: "in" })).toEqual({ text: "in" });
    }
    expect(followers.size).toBe(48);
    // Who goes makes room.
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => followers.size).toBe(0);
    const next = await connectControl(path);
    await next.ask("follow");
    expect(followers.size).toBe(1);
    next.close();
  });

  it("that all wait for a reply turn one more away", async () => {
    await listen();
    const sockets = Array.from({ length: 64 }, () => connect(path));
    open.push(...sockets);
    for (const socket of sockets) socket.on("error", () => undefined).write('{"op":"late","ms":3000}\n');
    await Promise.all(sockets.map((each) => new Promise((done) => each.on("connect", done))));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await raw("")).toBe('{"ok":false,"error":"more than 64 clients at once"}\n(closed)');
    expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);
  });
});

describe("one slow client", () => {
  it("that follows and does not read is let go, and holds nothing up", async () => {
    await listen();
    const slow = connect(path);
    open.push(slow);
    slow.on("error", () => undefined).pause();
    slow.write('{"op":"follow"}\n');
    const client = await connectControl(path);
    const seen: unknown[] = [];
    void client.follow((event) => seen.push(event));
    await client.ask("follow");
    await expect.poll(() => followers.size).toBe(2);
    const event = { timeMs: 1, level: "info", message: "y".repeat(100_000), fields: {} };
    const line = { event };
    for (let i = 0; i < 100; i++) {
      for (const follower of followers) follower(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => followers.size).toBe(1);
    await expect.poll(() => seen.length).toBe(100);
    client.close();
    await expect.poll(() => followers.size).toBe(0);
  });

  it("that asks and does not read gets no second reply before it has taken the first", async () => {
    let asked = 0;
    const counted: Record<string, Handler> = {
      large: () => {
        asked++;
        return { text: "z".repeat(4_000_000) };
      },
    };
    server = await openControlSocket(path, counted, log, 300);
    const slow = connect(path);
    open.push(slow);
    slow.on("error", () => undefined).pause();
    slow.write('{"op":"large"}\n'.repeat(50));
    const client = await connectControl(path);
    await client.ask("large");
    client.close();
    expect(asked).toBeLessThan(4);
    // It is let go when its patience has ended.
    await new Promise<void>((resolve) => {
      slow.once("close", () => resolve());
      setTimeout(() => slow.resume(), 800);
    });
    expect(asked).toBeLessThan(6);
  });
});

describe("a server that cannot be asked", () => {
  it("is told in words", async () => {
    const why = async (): Promise<string> =>
      await connectControl(path).then(
        () => "connected",
        (error: Error) => (error instanceof Unreachable ? error.message.replaceAll(folder, "F") : "?"),
      );
    expect(await why()).toBe(
      "no server listens on F/s.sock: start it, or name its steerd.yaml with --config",
    );
    writeFileSync(path, "");
    expect(await why()).toMatch(
      /^(no server listens on F\/s\.sock: the one that did is gone|F\/s\.sock is no socket)$/,
    );
    chmodSync(folder, 0o755);
  });

  it("is not waited for when it does not answer", async () => {
    const deaf = createServer(() => undefined);
    await new Promise<void>((resolve) => deaf.listen(path, resolve));
    const client = await connectControl(path, 50);
    await expect(client.ask("status")).rejects.toThrow("took too long to answer");
    deaf.close();
  });
});
