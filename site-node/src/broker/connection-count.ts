/** How many connections there are, in all and from each address that is known. */
export class ConnectionCount {
  readonly #most: { readonly connections: number; readonly connectionsPerAddress: number };
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  constructor(most: { readonly connections: number; readonly connectionsPerAddress: number }) {
    this.#most = most;
  }

  /** Counts one more; says which bound it would pass, and then does not count it. */
  enter(address: string | undefined): "too many connections" | "too many connections from this address" | undefined {
    const from = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0);
    if (this.#all >= this.#most.connections) return "too many connections";
    if (from >= this.#most.connectionsPerAddress) return "too many connections from this address";
    this.#all++;
    if (address !== undefined) this.#byAddress.set(address, from + 1);
    return undefined;
  }

  leave(address: string | undefined): void {
    this.#all--;
    if (address === undefined) return;
    const from = this.#byAddress.get(address) ?? 0;
    if (from <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, from - 1);
  }
}
