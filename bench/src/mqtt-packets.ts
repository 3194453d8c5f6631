/** The few packets of MQTT 3.1.1 that a load needs. Nothing is checked: the other side is ours or mosquitto. */

export interface Connect {
  readonly clientId: string;
  readonly password: string;
  readonly clean: boolean;
  readonly will?: { readonly topic: string; readonly payload: string };
}

export interface Publish {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Of QoS 1; QoS 0 when absent. */
  readonly id?: number;
  readonly retain?: true;
}

/** Type of a packet, MQTT 3.1.1 §2.2.1. */
export const PUBLISH = 3;
export const PUBACK = 4;
export const SUBACK = 9;
export const CONNACK = 2;

export const PINGREQ = Buffer.from([0xc0, 0]);

export interface Packet {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([twoBytes(bytes.length), bytes]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function packet(first: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let left = body.length;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** §3.1; keepalive 60 s, will QoS 1 and retained. */
export function connectPacket({ clientId, password, clean, will }: Connect): Buffer {
  const flags = 0xc0 | (clean ? 2 : 0) | (will ? 0x2c : 0);
  const willParts = will ? [text(will.topic), text(will.payload)] : [];
  const head = [text("MQTT"), Buffer.from([4, flags, 0, 60]), text(clientId)];
  return packet(0x10, ...head, ...willParts, text(clientId), text(password));
}

/** §3.8, QoS 1 each. */
export function subscribePacket(filters: readonly string[]): Buffer {
  return packet(0x82, twoBytes(1), ...filters.flatMap((filter) => [text(filter), Buffer.from([1])]));
}

/** §3.3. */
export function publishPacket({ topic, payload, id, retain }: Publish): Buffer {
  const first = 0x30 | (id === undefined ? 0 : 2) | (retain ? 1 : 0);
  return packet(first, text(topic), ...(id === undefined ? [] : [twoBytes(id)]), payload);
}

/** §3.4. */
export function pubackPacket(id: number): Buffer {
  return packet(0x40, twoBytes(id));
}

/** What a PUBLISH holds. */
export function readPublish({ flags, body }: Packet): { topic: string; id: number | undefined; payload: Buffer } {
  const end = 2 + body.readUInt16BE(0);
  const topic = body.toString("utf8", 2, end);
  if ((flags & 6) === 0) return { topic, id: undefined, payload: body.subarray(end) };
  return { topic, id: body.readUInt16BE(end), payload: body.subarray(end + 2) };
}

/** Cuts what arrives into packets. */
export class PacketReader {
  #held: Buffer = Buffer.alloc(0);

  *take(bytes: Buffer): Generator<Packet> {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (let found = this.#next(); found; found = this.#next()) yield found;
  }

  #next(): Packet | undefined {
    let length = 0;
    for (let at = 1; at <= 4; at += 1) {
      const byte = this.#held[at];
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) * 128 ** (at - 1);
      if (byte & 0x80) continue;
      const end = at + 1 + length;
      if (this.#held.length < end) return undefined;
      const first = this.#held[0] ?? 0;
      const body = this.#held.subarray(at + 1, end);
      this.#held = this.#held.subarray(end);
      return { type: first >> 4, flags: first & 15, body };
    }
    throw new Error("a packet's length has more than four bytes");
  }
}
