/** A request that got through, and what came back. */
export interface Carried {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly answer: { readonly status: number; readonly headers: Headers; readonly text: string };
}

/** The link between a site and its hub, as the `fetch` that the site is given. */
export class Wan {
  #isCut = false;
  #carrying = new AbortController();

  #answersToLose = 0;
  #isFeedLost = false;

  /** Told of all that gets through, but for answers without an end. */
  onCarried: ((carried: Carried) => void) | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    if (this.#isCut || (this.#isFeedLost && String(input).includes("/v1/shape"))) throw broken();
    const signals = [this.#carrying.signal, ...(init?.signal ? [init.signal] : [])];
    const answer = await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    if (this.onCarried) await this.#tell(input, init, answer.clone());
    if (init?.method !== "POST" || this.#answersToLose === 0) return answer;
    this.#answersToLose -= 1;
    await answer.body?.cancel();
    throw broken();
  };

  async #tell(input: unknown, init: RequestInit | undefined, copy: Response): Promise<void> {
    const { status, headers } = copy;
    if (headers.get("content-type")?.startsWith("text/event-stream")) {
      await copy.body?.cancel();
      return;
    }
    const answer = { status, headers, text: await copy.text() };
    const body = typeof init?.body === "string" ? init.body : undefined;
    const method = init?.method ?? "GET";
    this.onCarried?.({ method, url: new URL(String(input)), headers: new Headers(init?.headers), body, answer });
  }

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
