import type { Random } from "../random.ts";
import { LENGTHS } from "./interesting.ts";

const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x22, 0x5b, 0x7b, 0xc0, 0xed, 0xf8] as const;

/** Bytes with one to four changes; `others` are what pieces may be taken from. */
export function mutateBytes(random: Random, from: Uint8Array, others: readonly Uint8Array[] = []): Uint8Array {
  let bytes = from;
  for (let changes = 1 + random.small(2); changes > 0; changes -= 1) bytes = changed(random, bytes, others);
  return bytes;
}

function changed(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const at = random.below(bytes.length + 1);
  const some = Math.min(1 + random.small(4), Math.max(bytes.length - at, 0));
  switch (random.below(8)) {
    case 0:
      return spliced(bytes, { at, gone: some > 0 ? 1 : 0, put: [(bytes[at] ?? 0) ^ (1 << random.below(8))] });
    case 1:
      return spliced(bytes, { at, gone: some > 0 ? 1 : 0, put: [random.pick(BYTES)] });
    case 2:
      return spliced(bytes, { at, gone: some, put: [] });
    case 3:
      return spliced(bytes, { at, gone: 0, put: random.bytes(1 + random.small(4)) });
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return spliced(bytes, { at, gone: 0, put: bytes.subarray(at, at + some) });
    case 6:
      return spliced(bytes, { at, gone: 0, put: new Uint8Array(random.pick(LENGTHS)).fill(random.pick(BYTES)) });
    default: {
      const other = others.length > 0 ? random.pick(others) : bytes;
      const begin = random.below(other.length + 1);
      return spliced(bytes, { at, gone: some, put: other.subarray(begin, begin + 1 + random.small(6)) });
    }
  }
}

function spliced(
  bytes: Uint8Array,
  { at, gone, put }: { at: number; gone: number; put: ArrayLike<number> },
): Uint8Array {
  const result = new Uint8Array(bytes.length - gone + put.length);
  result.set(bytes.subarray(0, at));
  result.set(put, at);
  result.set(bytes.subarray(at + gone), at + put.length);
  return result;
}
