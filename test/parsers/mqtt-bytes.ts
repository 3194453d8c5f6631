import { mutateBytes } from "./mutate/bytes.ts";
import type { Random } from "./random.ts";
import { topicText } from "./targets/topics.ts";

function text(value: string): number[] {
  const bytes = Buffer.from(value).subarray(0, 0xffff);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

/** A length as MQTT 3.1.1 §2.2.3 writes it. */
function lengthOf(body: number): number[] {
  const bytes: number[] = [];
  for (let left = body; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 0x80 : 0));
    if (left < 128) return bytes;
  }
}

/** A packet: first byte and body, with its length between. */
export function packet(first: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([first, ...lengthOf(body.length), ...body]);
}

export interface Who {
  readonly host: string;
  readonly secret: string;
}

interface Connecting {
  readonly will?: { readonly topic: string; readonly payload: Uint8Array };
  /** Seconds. */
  readonly keepalive?: number;
}

/** A CONNECT (§3.1) of a host, with a will or without. */
export function connect({ host, secret }: Who, { will, keepalive = 30 }: Connecting = {}): Uint8Array {
  const flags = 0xc0 | (will ? 0x2c : 0);
  const willed = will
    ? [...text(will.topic), will.payload.length >> 8, will.payload.length & 0xff, ...will.payload]
    : [];
  return packet(0x10, [
    ...text("MQTT"),
    4,
    flags,
    keepalive >> 8,
    keepalive & 0xff,
    ...text(host),
    ...willed,
    ...text(host),
    ...text(secret),
  ]);
}

/** A PUBLISH (§3.3). */
export function publish(
  topic: string,
  payload: Uint8Array,
  { qos, id, retain }: { readonly qos: 0 | 1 | 2; readonly id: number; readonly retain: boolean },
): Uint8Array {
  const flags = (qos << 1) | (retain ? 1 : 0);
  return packet(0x30 | flags, [...text(topic), ...(qos > 0 ? [id >> 8, id & 0xff] : []), ...payload]);
}

/** A SUBSCRIBE (§3.8) or UNSUBSCRIBE (§3.10) of one filter. */
function subscribe(random: Random, filter: string): Uint8Array {
  const id = [random.small(8), random.small(8)];
  return random.chance(0.7)
    ? packet(0x82, [...id, ...text(filter), random.below(4)])
    : packet(0xa2, [...id, ...text(filter)]);
}

const SOMEBODY: Who = { host: "host-0000000b", secret: "hfm_secret" };

/** One packet of any type, most of them as they should be. */
export function anyPacket(
  random: Random,
  topic: () => string = () => topicText(random),
  who: Who = SOMEBODY,
): Uint8Array {
  const id = 1 + random.below(4);
  switch (random.below(8)) {
    case 0:
      return connect(
        who,
        random.chance(0.3) ? { will: { topic: topic(), payload: random.bytes(random.small(4)) } } : {},
      );
    case 1:
    case 2:
    case 3: {
      const qos = random.pick([0, 1, 1, 2] as const);
      return publish(topic(), random.bytes(random.small(8)), { qos, id, retain: random.chance(0.3) });
    }
    case 4:
      return subscribe(random, topic());
    case 5: // PUBACK, PUBREC, PUBREL, PUBCOMP.
      return packet(random.pick([0x40, 0x50, 0x62, 0x70]), [0, id]);
    case 6: // PINGREQ, DISCONNECT, and what only a server sends.
      return packet(random.pick([0xc0, 0xe0, 0x20, 0x90, 0xb0, 0xd0, 0x00, 0xf0]), []);
    default:
      return packet(random.next() & 0xff, Array.from(random.bytes(random.small(6))));
  }
}

/** Packets after one another, some of their bytes wrong. */
export function packetBytes(random: Random, topic?: () => string, who?: Who): Uint8Array {
  const first = random.chance(0.85) ? [connect(who ?? SOMEBODY)] : [];
  const packets = [...first, ...Array.from({ length: random.small(3) }, () => anyPacket(random, topic, who))];
  const hurt = packets.map((each) => (random.chance(0.25) ? mutateBytes(random, each, packets) : each));
  return Buffer.concat(hurt);
}

/** Where a stream of so many bytes is cut: the ends of its pieces, in order. */
export function pieces(random: Random, length: number): number[] {
  const ends = new Set(Array.from({ length: random.small(4) }, () => random.below(length + 1)));
  return [...ends].sort((one, other) => one - other).concat(length);
}
