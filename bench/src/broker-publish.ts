import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { DOWN, hostTopic, UP } from "@holdfast/protocol/topics";
import { atMost, type Benchmark, type Row, type Run } from "./benchmark.ts";
import { figuresOf, pause, type Running, startExecutable, startWorker, type Worker } from "./processes.ts";
import { alternate, median, ratioOf } from "./rounds.ts";
import { figure } from "./shown.ts";
import type { Exchanged } from "./workers/mqtt-load.ts";

const SITE = "site-0000000a";
const BYTES = 500;
const ECHO = hostTopic(SITE, "HOST", DOWN.request("1", "echo"));
const FILTER = hostTopic(SITE, "HOST", DOWN.requests);
const SAID = hostTopic(SITE, "HOST", UP.telemetry("bench"));

interface Cost {
  /** Microseconds of the broker's processor time for each message in and out. */
  readonly cpu: number;
  readonly perSecond: number;
}

export const brokerPublish: Benchmark = {
  name: "broker-publish",
  about: "CPU for each QoS 1 message in and out again, against mosquitto",
  needs: { mosquitto: "mosquitto" },
  async run(run) {
    const quick = run.size === "quick";
    const clients = quick ? 20 : 100;
    const [rounds, seconds] = quick ? [2, 1] : [5, 4];
    await using peer = await mosquitto(run, clients);
    const what = `broker, QoS 1 in and QoS 1 out to one receiver, ${BYTES} bytes, ${clients} clients`;
    const rows: Row[] = [];
    const kinds = [
      { name: "in-memory", how: "in memory, clean sessions", database: ":memory:", clean: true },
      { name: "durable", how: "durable, kept sessions", database: `${run.folder("broker")}/broker.db`, clean: false },
    ];
    for (const { name, how, database, clean } of kinds) {
      await using broker = await startWorker("broker", { database, siteId: SITE });
      const port = await broker.ask<number>("port");
      await using load = await startLoad({ port, clients, clean, topic: SAID });
      const measured = await alternate(rounds, {
        peer: () => cost(peer.broker, peer.load, seconds),
        ours: () => cost(broker, load, seconds),
      });
      const middle = (side: readonly Cost[], value: (cost: Cost) => number) => median(side.map(value));
      rows.push({
        name: `broker-publish/${name}`,
        what: `${what}: ${how}`,
        unit: "µs CPU a message",
        value: middle(measured.ours, ({ cpu }) => cpu),
        more: `${figure(middle(measured.ours, ({ perSecond }) => perSecond))}/s`,
        peer: "mosquitto",
        peerValue: middle(measured.peer, ({ cpu }) => cpu),
        peerMore: `${figure(middle(measured.peer, ({ perSecond }) => perSecond))}/s`,
        ratio: ratioOf(measured, ({ cpu }) => cpu),
        ...(clean ? { goal: atMost(3) } : {}),
      });
    }
    return rows;
  },
};

async function cost(broker: Running, load: Worker, seconds: number): Promise<Cost> {
  const before = figuresOf(broker.pid).cpuSeconds;
  const { messages, perSecond } = await load.ask<Exchanged>("exchange", { seconds });
  return { cpu: ((figuresOf(broker.pid).cpuSeconds - before) * 1e6) / messages, perSecond };
}

function startLoad(load: { port: number; clients: number; clean: boolean; topic: string }): Promise<Worker> {
  return startWorker("mqtt-load", { ...load, bytes: BYTES, filter: FILTER });
}

/** mosquitto with a load of its own; there the clients publish straight to where they listen. */
async function mosquitto(run: Run, clients: number) {
  const port = await freePort();
  const configuration = `${run.folder("mosquitto")}/mosquitto.conf`;
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false", "log_dest none"];
  writeFileSync(configuration, `${lines.join("\n")}\n`);
  // Where Debian puts it is not on everybody's path.
  const given = ["-c", configuration];
  const broker = (await startExecutable("mosquitto", given)) ?? (await startExecutable("/usr/sbin/mosquitto", given));
  if (!broker) throw new Error("mosquitto could not be started");
  await pause(500);
  const load = await startLoad({ port, clients, clean: true, topic: ECHO });
  return {
    broker,
    load,
    async [Symbol.asyncDispose]() {
      await load[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
