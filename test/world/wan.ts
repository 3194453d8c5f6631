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

  /** Told of all that gets through; of an answer without an end, event by event. */
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
    const body = typeof init?.body === "string" ? init.body : undefined;
    const asked = {
      method: init?.method ?? "GET",
      url: new URL(String(input)),
      headers: new Headers(init?.headers),
      body,
    };
    const tell = (text: string) => this.onCarried?.({ ...asked, answer: { status, headers, text } });
    if (!headers.get("content-type")?.startsWith("text/event-stream")) return tell(await copy.text());
    // Not waited for: it has no end. What broke off was told as far as it came.
    tellPieces(copy, tell).catch(() => undefined);
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

/** Events end with an empty line (HTML, server-sent events §9.2.5). */
async function tellPieces({ body }: Response, tell: (text: string) => void): Promise<void> {
  let text = "";
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = `${text}${piece}`.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) tell(event);
  }
}

function broken(): TypeError {
  return new TypeError("fetch failed", { cause: new Error("the link is cut") });
}
