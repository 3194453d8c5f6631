import { randomUUID } from "node:crypto";
import { decode, encode } from "@holdfast/protocol/messages";
import { type AgentStatus, DOWN, hostTopic, UP } from "@holdfast/protocol/topics";
import { MqttClient } from "../mqtt-client.ts";
import { serve } from "./serve.ts";

interface Enrolled {
  readonly hostId: string;
  readonly secret: string;
}

interface Options {
  readonly port: number;
  readonly siteId: string;
  readonly hosts: readonly Enrolled[];
}

const HEARTBEAT = 10_000;
/** Below what a broker takes from one address. */
const PER_ADDRESS = 50;
const CONNECTING_AT_ONCE = 20;

/**
 * Agents as their site sees them: sessions with wills, a hardware report each, a heartbeat every 10 s ± 10 %, and word of
 * every document that they are given. What a machine does with it all is left out.
 */
serve(async ({ port, siteId, hosts }: Options) => {
  const clients: MqttClient[] = [];
  const left = hosts.map((host, number) => ({ ...host, number }));
  await Promise.all(
    Array.from({ length: CONNECTING_AT_ONCE }, async () => {
      for (let next = left.pop(); next; next = left.pop()) clients.push(await plugIn({ ...next, port, siteId }));
    }),
  );
  return { open: () => clients.filter(({ isOpen }) => isOpen).length };
});

interface Plugged extends Enrolled {
  readonly number: number;
  readonly port: number;
  readonly siteId: string;
}

async function plugIn({ hostId, secret, number, port, siteId }: Plugged): Promise<MqttClient> {
  const topic = (leaf: string) => hostTopic(siteId, hostId, leaf);
  const session = randomUUID();
  const status = (state: AgentStatus["state"]) =>
    JSON.stringify({ state, session, bootId: `boot-${number}`, agent: "0.1.0", protocol: 1, capabilities: [] });
  let applied: { incarnation: number; counter: number } | undefined;
  const client = await MqttClient.open(
    {
      ...{ port, clientId: hostId, password: secret, clean: false },
      localAddress: `127.0.2.${1 + Math.floor(number / PER_ADDRESS)}`,
      will: { topic: topic(UP.status), payload: status("lost") },
      onMessage(from, payload, itself) {
        if (from !== topic(DOWN.desired) || payload.length === 0) return;
        const { version, generation } = decode("Desired", payload);
        applied = version;
        if (!version) return;
        const reported = encode("Reported", { version, state: "APPLIED", generation });
        // What a connection that ends takes with it, the next one brings again.
        itself.publish(topic(UP.reported), reported, true).catch(() => undefined);
      },
    },
    [DOWN.desired, DOWN.nextJob, DOWN.requests].map(topic),
  );
  const hash = number.toString(16).padStart(64, "0");
  await client.publish(topic(UP.status), Buffer.from(status("online")), true);
  await client.publish(topic(UP.hardware), hardwareOf(number, hash), true);
  let sequence = 0;
  const beat = () => {
    sequence += 1;
    const heartbeat = { session, sequence, reportHash: hash, uptimeSeconds: sequence * 10 };
    client.say(topic(UP.heartbeat), encode("Heartbeat", { ...heartbeat, ...(applied ? { applied } : {}) }));
    setTimeout(beat, HEARTBEAT * (0.9 + 0.2 * Math.random()));
  };
  setTimeout(beat, HEARTBEAT * Math.random());
  return client;
}

function hardwareOf(number: number, hash: string): Uint8Array {
  const mac = number.toString(16).padStart(4, "0");
  return encode("HardwareReport", {
    schema: 1,
    hash,
    system: { serialNumber: `SERIAL${number}`, vendor: "Supermicro", productName: "SYS-510D", biosVersion: "1.4" },
    cpu: {
      architecture: "x86_64",
      vendor: "GenuineIntel",
      model: "Intel(R) Xeon(R) D-2796NT",
      sockets: 1,
      cores: 20,
      threads: 40,
    },
    memory: { bytes: 68_719_476_736 },
    storages: [
      { deviceName: "nvme0n1", serial: `S${number}`, model: "SSDPF2KX019T1", capacityBytes: 1_920_383_410_176 },
    ],
    nics: [0, 1].map((port) => ({
      deviceName: `eth${port}`,
      macAddress: `02:0${port}:00:00:${mac.slice(0, 2)}:${mac.slice(2, 4)}`,
      pciAddress: `0000:3${port}:00.0`,
      mtu: 1_500,
      linkUp: true,
    })),
    os: { hostname: `edge-${number}`, name: "Debian GNU/Linux", version: "13", kernel: "6.12.0" },
  } as Parameters<typeof encode<"HardwareReport">>[1]);
}
