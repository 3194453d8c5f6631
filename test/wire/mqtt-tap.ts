import { connect, createServer, type Server, type Socket } from "node:net";
import type { RecordedPacket } from "./recording.ts";

/** A relay between an agent and its broker that tells what passes, packet by packet (MQTT 3.1.1). */
export async function tapMqtt(target: () => number, told: (packet: RecordedPacket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target(), "127.0.0.1");
    for (const [from, to, direction] of [
      [near, far, "up"],
      [far, near, "down"],
    ] as const) {
      const packets = new Packets(direction);
      sockets.add(from);
      from.on("data", (bytes: Buffer) => {
        for (const packet of packets.take(bytes)) told(packet);
        to.write(bytes);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  return listening(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Where a server on the loopback interface listens, and how it ends. */
export async function listening(server: Server, end: () => void) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the tap has no port");
  return {
    port: address.port,
    close: async () => {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const NAMES: Readonly<Record<number, string>> = {
  ...{ 1: "connect", 2: "connack", 3: "publish", 4: "puback", 8: "subscribe", 9: "suback" },
  ...{ 10: "unsubscribe", 11: "unsuback", 12: "pingreq", 13: "pingresp", 14: "disconnect" },
};

/** Cuts a stream of bytes into packets (§2.2: type and flags, remaining length in up to four bytes). */
class Packets {
  readonly #direction: "up" | "down";
  #bytes: Buffer = Buffer.alloc(0);

  constructor(direction: "up" | "down") {
    this.#direction = direction;
  }

  *take(bytes: Buffer): Generator<RecordedPacket> {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const [length, header] = remaining(this.#bytes);
      if (length === undefined || this.#bytes.length < header + length) return;
      const first = this.#bytes.readUInt8(0);
      const body = this.#bytes.subarray(header, header + length);
      this.#bytes = this.#bytes.subarray(header + length);
      const packet = readPacket(NAMES[first >> 4] ?? "reserved", first & 15, new Fields(body));
      if (packet) yield { direction: this.#direction, ...packet };
    }
  }
}

function remaining(bytes: Buffer): [length: number | undefined, header: number] {
  let length = 0;
  for (let at = 1; at < Math.min(5, bytes.length); at += 1) {
    const byte = bytes.readUInt8(at);
    length += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) return [length, at + 1];
  }
  return [undefined, 0];
}

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(size: 1 | 2): number {
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  bytes(): Buffer {
    const length = this.number(2);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
}

function payload(bytes: Buffer) {
  return { base64: bytes.toString("base64") };
}

type Said = Pick<RecordedPacket, "cmd"> & Partial<RecordedPacket>;

/** Undefined for a ping: how often one is sent says nothing of the protocol. */
function readPacket(cmd: string, flags: number, fields: Fields): Said | undefined {
  switch (cmd) {
    case "pingreq":
    case "pingresp":
      return undefined;
    case "connect":
      return { cmd, ...readConnect(fields) };
    case "connack":
      fields.number(1);
      return { cmd, returnCode: fields.number(1) };
    case "publish": {
      const qos = ((flags >> 1) & 3) as 0 | 1;
      const topic = fields.text();
      if (qos > 0) fields.number(2);
      return { cmd, topic, qos, retain: (flags & 1) === 1, payload: payload(fields.rest()) };
    }
    case "subscribe": {
      fields.number(2);
      const subscriptions = [];
      while (fields.left > 0) subscriptions.push({ topic: fields.text(), qos: fields.number(1) });
      return { cmd, subscriptions };
    }
    default:
      return { cmd };
  }
}

/** §3.1: name and level of the protocol, flags, keep-alive, then what the flags announce. */
function readConnect(fields: Fields) {
  fields.text();
  fields.number(1);
  const flags = fields.number(1);
  const keepalive = fields.number(2);
  const clientId = fields.text();
  const will = (flags & 4) !== 0 && {
    ...{ retain: (flags & 32) !== 0, qos: (flags >> 3) & 3 },
    ...{ topic: fields.text(), payload: payload(fields.bytes()) },
  };
  const username = (flags & 128) !== 0 ? fields.text() : null;
  const password = (flags & 64) !== 0 ? fields.text() : null;
  return { clientId, username, password, clean: (flags & 2) !== 0, keepalive, ...(will ? { will } : {}) };
}
