/** How many connections there are, in all and from each address. */
export class ConnectionCount {
  readonly #most: { readonly connections: number; readonly connectionsPerAddress: number };
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  constructor(most: { readonly connections: number; readonly connectionsPerAddress: number }) {
    this.#most = most;
  }

  /** Counts one more; says which bound it would pass, and then does not count it. */
  enter(address: string): "too many connections" | "too many connections from this address" | undefined {
    const from = this.#byAddress.get(address) ?? 0;
    if (this.#all >= this.#most.connections) return "too many connections";
    if (from >= this.#most.connectionsPerAddress) return "too many connections from this address";
    this.#all++;
    this.#byAddress.set(address, from + 1);
    return undefined;
  }

  leave(address: string): void {
    const from = this.#byAddress.get(address) ?? 0;
    this.#all--;
    if (from <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, from - 1);
  }
}
