import { createRequire, syncBuiltinESMExports } from "node:module";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A random number from 0 to below 1, as `Math.random`. */
export type Random = () => number;

/** Numbers that a seed decides. */
export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  return () => uniformFloat64(generator);
}

/** A whole number from `from` to `to`, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** Puts numbers that a seed decides in the place of the platform's randomness: ids, secrets, jitter. */
export function installRandom(random: Random): void {
  const crypto = createRequire(import.meta.url)("node:crypto");
  const fill = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = Math.floor(random() * 256);
    return bytes;
  };
  const randomBytes = (size: number) => fill(Buffer.alloc(size));
  const randomUUID = () => {
    const bytes = randomBytes(16);
    // Version 4, variant 1 (RFC 9562 §5.4).
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  const randomInt = (from: number, to?: number) =>
    to === undefined ? between(random, 0, from - 1) : between(random, from, to - 1);
  const getRandomValues = (array: ArrayBufferView) => {
    fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  };
  Math.random = random;
  Object.assign(crypto, { randomBytes, randomUUID, randomInt });
  Object.assign(globalThis.crypto, { randomUUID, getRandomValues });
  syncBuiltinESMExports();
}
