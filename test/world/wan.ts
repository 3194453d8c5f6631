import { systemClock } from "@holdfast/runtime";
import { simulation } from "../simulation/simulation.ts";

/** A request that got through, and what came back. */
export interface Carried {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly answer: { readonly status: number; readonly headers: Headers; readonly text: string };
}

/** The longest that a copy of a request is on its way, milliseconds. */
const COPIES_COME_AFTER = 90_000;

/** The link between a site and its hub, as the `fetch` that the site is given. */
export class Wan {
  #isCut = false;
  #carrying = new AbortController();

  #answersToLose = 0;
  #isFeedLost = false;
  #delay = 0;
  #toDuplicate = 0;
  #stalled: PromiseWithResolvers<void> | undefined;
  /** Of what is begun now: what was begun in an earlier one is dead. */
  #life = 0;

  /** How often the site has asked for something, whatever came of it. */
  asked = 0;

  /** Told of all that gets through; of an answer without an end, event by event. */
  onCarried: ((carried: Carried) => void) | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    this.asked += 1;
    if (this.#isCut || (this.#isFeedLost && String(input).includes("/v1/shape"))) throw broken();
    const signal = AbortSignal.any([this.#carrying.signal, ...(init?.signal ? [init.signal] : [])]);
    await this.#travel(signal);
    if (init?.method === "POST" && this.#toDuplicate > 0) this.#sendAgainLater(input, init);
    const answer = await fetch(input, { ...init, signal });
    await this.#travel(signal);
    if (this.onCarried) await this.#tell(input, init, answer.clone());
    if (init?.method !== "POST" || this.#answersToLose === 0) return this.#gated(answer, signal);
    this.#answersToLose -= 1;
    await answer.body?.cancel();
    throw broken();
  };

  /** Takes as long as the link does; for ever while it is stalled, unless whoever waits gives up. */
  async #travel(signal: AbortSignal): Promise<void> {
    if (this.#delay > 0) await systemClock.sleep(this.#delay, signal);
    await this.#untilOpen(signal);
  }

  /** Waits while bytes do not get through. */
  async #untilOpen(signal: AbortSignal): Promise<void> {
    await untilAborted(this.#stalled?.promise ?? Promise.resolve(), signal);
  }

  /** Somebody on the way has kept a copy, and lets go of it when others have come through. Nobody hears what is said to it. */
  #sendAgainLater(input: Parameters<typeof fetch>[0], { signal: _, ...init }: RequestInit): void {
    this.#toDuplicate -= 1;
    simulation().time.after(COPIES_COME_AFTER * simulation().random(), () => {
      if (!this.#isCut)
        fetch(input, init).then(
          (answer) => answer.body?.cancel(),
          () => undefined,
        );
    });
  }

  /** An answer without an end brings nothing while the link is stalled. */
  #gated(answer: Response, signal: AbortSignal): Response {
    if (!answer.headers.get("content-type")?.startsWith("text/event-stream") || !answer.body) return answer;
    const life = this.#life;
    const gate = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        if (life !== this.#life) await untilAborted(new Promise(() => {}), signal);
        await this.#untilOpen(signal);
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = answer;
    return new Response(answer.body.pipeThrough(gate), { status, statusText, headers });
  }

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

  get isCut(): boolean {
    return this.#isCut;
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

  /** Everything takes so many milliseconds longer, each way. */
  slow(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** The next so many of what the site sends come twice, the second time later. */
  duplicate(count: number): void {
    this.#toDuplicate = count;
  }

  /** Nothing gets through any more and nobody is told, as when a cable is pulled. */
  stall(): void {
    this.#stalled ??= Promise.withResolvers();
  }

  /** What answers without an end bring never arrives any more and nobody is told; what is begun from now on gets through. */
  strand(): void {
    this.#life += 1;
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
    this.#delay = 0;
    this.#toDuplicate = 0;
    this.#stalled?.resolve();
    this.#stalled = undefined;
    // What it carries all the while breaks when it is cut the next time.
    if (this.#carrying.signal.aborted) this.#carrying = new AbortController();
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

/** What a promise resolves to, unless whoever waits for it gives up. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
