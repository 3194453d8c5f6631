import { once } from "node:events";
import { createServer } from "node:net";
import { Relay } from "@holdfast/runtime/relay";
import type { Cable, Network, Route } from "./network.ts";

/** Below what a kernel gives to connections of its own accord: what is free stays free while a program is down. */
const [FIRST_PORT, PORTS] = [15_000, 15_000];

/** A network of TCP relays on the loopback interface; needs no rights. */
export function relayNetwork(): Network {
  const relays: Relay[] = [];
  let next = (process.pid * 101) % PORTS;

  async function port(): Promise<number> {
    for (let tries = 0; tries < PORTS; tries += 1) {
      const found = FIRST_PORT + next;
      next = (next + 1) % PORTS;
      if (await isFree(found)) return found;
    }
    throw new Error("no port is free");
  }

  async function lay({ name, ports }: Route): Promise<Cable> {
    const own = new Map<number, Relay>();
    for (const each of ports) own.set(each, await Relay.to(() => each));
    relays.push(...own.values());
    return {
      name,
      reaches: (far) => ({ host: "127.0.0.1", port: own.get(far)?.port ?? 0 }),
      fail: async (how) => {
        for (const relay of own.values()) how === "refusing" ? relay.cut() : relay.stall();
      },
      mend: async () => {
        for (const relay of own.values()) relay.restore();
      },
    };
  }

  return {
    about: "TCP relays on the loopback interface",
    listen: "127.0.0.1",
    keepsPorts: false,
    port,
    place: async () => [],
    hostOf: () => "127.0.0.1",
    lay,
    close: async () => {
      for (const relay of relays) await relay.close();
    },
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const isListening = await Promise.race([
    once(server, "listening").then(() => true),
    once(server, "error").then(() => false),
  ]).catch(() => false);
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
