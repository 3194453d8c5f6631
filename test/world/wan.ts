/** The link between a site and its hub, as the `fetch` that the site is given. */
export class Wan {
  #isCut = false;
  #carrying = new AbortController();

  #answersToLose = 0;
  #isFeedLost = false;

  readonly fetch: typeof fetch = async (input, init) => {
    if (this.#isCut || (this.#isFeedLost && String(input).includes("/v1/shape"))) throw broken();
    const signals = [this.#carrying.signal, ...(init?.signal ? [init.signal] : [])];
    const answer = await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    if (init?.method !== "POST" || this.#answersToLose === 0) return answer;
    this.#answersToLose -= 1;
    await answer.body?.cancel();
    throw broken();
  };

  /** Breaks what is under way and refuses what comes. */
  cut(): void {
    this.#isCut = true;
    this.#carrying.abort(broken());
  }

  /** The hub gets the next so many of what the site sends, and the site no answer to it. */
  loseAnswers(count: number): void {
    this.#answersToLose = count;
  }

  /** What the site sends gets through, and nothing of the hub's feed does, until `restore`. */
  loseFeed(): void {
    this.#isFeedLost = true;
    this.#carrying.abort(broken());
    this.#carrying = new AbortController();
  }

  restore(): void {
    this.#isCut = false;
    this.#isFeedLost = false;
    this.#carrying = new AbortController();
  }
}

function broken(): TypeError {
  return new TypeError("fetch failed", { cause: new Error("the link is cut") });
}
