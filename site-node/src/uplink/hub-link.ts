import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { type Clock, Fault } from "@holdfast/runtime";

/** What this version of the site-node can do beyond the protocol's core. */
export const CAPABILITIES: readonly string[] = [];

export interface HubLinkOptions {
  readonly hubUrl: string;
  readonly token: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

export interface HubAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Milliseconds that the hub asks to wait, where it does. */
  readonly retryAfter: number | undefined;
}

/** How the site speaks to its hub. All goes through the `fetch` given, which is the link. */
export class HubLink {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
  readonly #token: string;
  readonly #clock: Clock;

  constructor({ hubUrl, token, fetch, clock }: HubLinkOptions) {
    this.hubUrl = hubUrl.replace(/\/+$/, "");
    this.fetch = fetch;
    this.#token = token;
    this.#clock = clock;
  }

  /** Who asks, and in which version of the protocol. */
  headers(): Record<string, string> {
    const offer = { version: PROTOCOL_VERSION, capabilities: CAPABILITIES };
    return { authorization: `Bearer ${this.#token}`, ...offerHeaders(offer) };
  }

  /** One request. Throws DeadlineExceeded when there is no whole answer in time, and what `fetch` throws. */
  async ask(path: string, request: { body?: string; within: number; signal: AbortSignal }): Promise<HubAnswer> {
    const { body, within, signal } = request;
    const done = new AbortController();
    const late = new AbortController();
    const timer = this.#clock.sleep(within, done.signal).then(
      () => late.abort(new Fault("DeadlineExceeded", `the hub did not answer within ${within} ms`)),
      () => undefined,
    );
    try {
      const response = await this.fetch(`${this.hubUrl}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...this.headers(), ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([signal, late.signal]),
        redirect: "error",
      });
      const text = await response.text();
      return { status: response.status, body: parsed(text), retryAfter: retryAfter(response) };
    } finally {
      done.abort();
      await timer;
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3_600) * 1_000 : undefined;
}
