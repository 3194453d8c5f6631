/** The link between a site and its hub, as the `fetch` that the site is given. */
export class Wan {
  #isCut = false;
  #carrying = new AbortController();

  readonly fetch: typeof fetch = async (input, init) => {
    if (this.#isCut) throw broken();
    const signals = [this.#carrying.signal, ...(init?.signal ? [init.signal] : [])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };

  /** Breaks what is under way and refuses what comes. */
  cut(): void {
    this.#isCut = true;
    this.#carrying.abort(broken());
  }

  restore(): void {
    this.#isCut = false;
    this.#carrying = new AbortController();
  }
}

function broken(): TypeError {
  return new TypeError("fetch failed", { cause: new Error("the link is cut") });
}
