/** Numbers that follow from a text alone: the same on every machine and in every run (sfc32, seeded by FNV-1a). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: string) {
    const hash = (salt: number): number => {
      let value = 0x811c9dc5 ^ salt;
      for (let at = 0; at < seed.length; at += 1) value = Math.imul(value ^ seed.charCodeAt(at), 0x01000193);
      return value;
    };
    [this.#a, this.#b, this.#c] = [hash(0), hash(0x9e3779b9), hash(0x85ebca6b)];
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** A whole number below 2^32. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A whole number from 0 to below a limit. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True so often, of 1. */
  chance(share: number): boolean {
    return this.next() / 0x1_0000_0000 < share;
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (list.length === 0) throw new RangeError("nothing to pick from");
    return picked as T;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.next() & 0xff);
  }

  /** A whole number at least 0, small ones far more often, below 2^bits. */
  small(bits: number): number {
    return this.next() & (2 ** this.below(bits + 1) - 1);
  }
}
