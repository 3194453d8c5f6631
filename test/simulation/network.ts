import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire, syncBuiltinESMExports } from "node:module";
import type { Server } from "node:net";
import { requestOverHttp } from "./fetch.ts";
import { Program } from "./program.ts";
import type { Random } from "./seeded-random.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { failureOf, Wire } from "./wire.ts";

interface Listening {
  readonly server: Server;
  readonly at: string | number;
  readonly inContext: <T>(work: () => T) => T;
  readonly disown: (() => void) | undefined;
  readonly open: Set<Wire>;
}

interface Where {
  readonly port?: number | string;
  readonly path?: string;
}

const FIRST_PORT = 20_000;

/** The network of one machine, without the machine's: whoever listens is found by port or path, and nothing leaves the process. */
export class SimulatedNetwork {
  readonly #parts: { readonly time: VirtualTime; readonly random: Random };
  readonly #listening = new Map<string | number, Listening>();
  readonly #servers = new WeakMap<Server, Listening>();
  #nextPort = FIRST_PORT;

  constructor(parts: { readonly time: VirtualTime; readonly random: Random }) {
    this.#parts = parts;
  }

  connect({ port, path }: Where): Wire {
    const at = path ?? Number(port);
    const near = new Wire({ ...this.#parts, remotePort: Number(port ?? 0) });
    near.connecting = true;
    this.#parts.time.after(1, () => {
      const found = this.#listening.get(at);
      if (!found) return near.settle(failureOf("ECONNREFUSED", "connect"));
      if (near.destroyed) return;
      found.inContext(() => {
        const far = new Wire(this.#parts);
        Wire.join(near, far);
        found.open.add(far);
        far.once("close", () => this.#closed(found, far));
        found.server.emit("connection", far);
      });
      near.settle();
    });
    return near;
  }

  listen(server: Server, { port, path }: Where): void {
    Program.current?.mustBeAlive();
    const asked = path ?? Number(port ?? 0);
    const at = asked === 0 ? this.#freePort() : asked;
    if (this.#listening.has(at)) {
      process.nextTick(() => server.emit("error", failureOf("EADDRINUSE", "listen")));
      return;
    }
    const listening: Listening = {
      ...{ server, at, open: new Set<Wire>() },
      inContext: AsyncLocalStorage.snapshot(),
      disown: Program.current?.owns(() => {
        this.#listening.delete(at);
        endChecks(server);
      }),
    };
    this.#listening.set(at, listening);
    this.#servers.set(server, listening);
    process.nextTick(() => server.emit("listening"));
  }

  close(server: Server, onClosed?: (error?: Error) => void): void {
    const listening = this.#servers.get(server);
    if (!listening) {
      if (onClosed) process.nextTick(() => onClosed(failureOf("ERR_SERVER_NOT_RUNNING", "close")));
      return;
    }
    if (onClosed) server.once("close", onClosed);
    listening.disown?.();
    if (this.#listening.get(listening.at) === listening) this.#listening.delete(listening.at);
    this.#servers.delete(server);
    if (listening.open.size === 0) process.nextTick(() => server.emit("close"));
  }

  addressOf(server: Server) {
    const at = this.#servers.get(server)?.at;
    if (at === undefined) return null;
    return typeof at === "string" ? at : { address: "127.0.0.1", family: "IPv4", port: at };
  }

  #closed(listening: Listening, wire: Wire): void {
    listening.open.delete(wire);
    const isClosing = this.#servers.get(listening.server) !== listening;
    if (isClosing && listening.open.size === 0) process.nextTick(() => listening.server.emit("close"));
  }

  #freePort(): number {
    while (this.#listening.has(this.#nextPort)) this.#nextPort += 1;
    this.#nextPort += 1;
    return this.#nextPort - 1;
  }
}

/** Node looks every half minute, by a timer of its own, whether requests come to an end, and keeps the server for that. */
function endChecks(server: Server): void {
  for (const each of Object.getOwnPropertySymbols(server)) {
    if (each.description !== "http.server.connectionsCheckingInterval") continue;
    (server as unknown as Record<symbol, NodeJS.Timeout>)[each]?.close();
  }
}

/** Puts the network that is simulated in the place of the platform's TCP, for all programs and what they are made of. */
export function installNetwork(networkNow: () => SimulatedNetwork): void {
  const require = createRequire(import.meta.url);
  const [net, http] = [require("node:net"), require("node:http")];
  const connect = (...given: unknown[]) => {
    const wire = networkNow().connect(whereOf(given));
    const onConnect = given.find((each) => typeof each === "function") as (() => void) | undefined;
    return onConnect ? wire.once("connect", onConnect) : wire;
  };
  Object.assign(net, { connect, createConnection: connect });
  http.Agent.prototype.createConnection = connect;
  Object.assign(net.Server.prototype, {
    listen(this: Server, ...given: unknown[]) {
      const onListening = given.find((each) => typeof each === "function") as (() => void) | undefined;
      if (onListening) this.once("listening", onListening);
      networkNow().listen(this, whereOf(given));
      return this;
    },
    close(this: Server, onClosed?: () => void) {
      networkNow().close(this, onClosed);
      return this;
    },
    address(this: Server) {
      return networkNow().addressOf(this);
    },
  });
  Object.defineProperty(net.Server.prototype, "listening", {
    get(this: Server) {
      return networkNow().addressOf(this) !== null;
    },
  });
  globalThis.fetch = requestOverHttp;
  syncBuiltinESMExports();
}

/** `listen` and `connect` take options, a port, or a path. */
function whereOf([first]: readonly unknown[]): Where {
  if (typeof first === "object" && first !== null) return first as Where;
  if (typeof first === "string" && !/^\d+$/.test(first)) return { path: first };
  return { port: Number(first ?? 0) };
}
