import { SILENT_AT_MOST } from "@holdfast/protocol/feed";
import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { siteFingerprint } from "@holdfast/protocol/recovery";
import { type Clock, Fault } from "@holdfast/runtime";
import { type Silence, watchSilence } from "./silence.ts";

/** What this version of the site-node can do beyond the protocol's core. */
export const CAPABILITIES: readonly string[] = [];

/** Told of whatever the hub says. */
export interface HubListener {
  /** Something has come from a hub that lets this site in, be it a piece of an answer. */
  note(): void;
  answered(status: number, reason: string): void;
  /** The hub has lost its disk, and knows no tokens (rule 20). */
  recovering?(): void;
}

export interface HubLinkOptions {
  readonly hubUrl: string;
  readonly token: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** The version of the protocol that the site speaks, where it is not this program's. */
  readonly protocolVersion?: number;
  readonly listener?: HubListener;
}

export interface HubAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Milliseconds that the hub asks to wait, where it does. */
  readonly retryAfter: number | undefined;
}

export interface HubRequest {
  readonly body?: string;
  /** Milliseconds. */
  readonly within: number;
  readonly signal: AbortSignal;
  /** Whom the hub answers here: an answer that anybody gets does not say that it lets this site in. */
  readonly answers?: "who-is-let-in" | "anybody";
}

/** How the site speaks to its hub. All goes through the `fetch` given, which is the link. */
export class HubLink {
  readonly hubUrl: string;
  readonly protocolVersion: number;
  /** What a person compares at the site and at a hub that has lost its disk. */
  readonly fingerprint: string;
  readonly #fetch: typeof fetch;
  readonly #token: string;
  readonly #clock: Clock;
  readonly #listener: HubListener | undefined;

  constructor({ hubUrl, token, fetch, clock, protocolVersion = PROTOCOL_VERSION, listener }: HubLinkOptions) {
    this.hubUrl = hubUrl.replace(/\/+$/, "");
    this.protocolVersion = protocolVersion;
    this.fingerprint = siteFingerprint(token);
    this.#fetch = fetch;
    this.#token = token;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Who asks, and in which version of the protocol. */
  headers(): Record<string, string> {
    const offer = { version: this.protocolVersion, capabilities: CAPABILITIES };
    return { authorization: `Bearer ${this.#token}`, ...offerHeaders(offer) };
  }

  /**
   * For what reads its answers itself: as the platform's. Pieces of an answer count as they come, and where none comes for longer
   * than a hub is ever silent the request is broken off: the connection may be dead, and nobody was told.
   */
  readonly fetch: typeof fetch = async (input, init) => {
    const silence = watchSilence(this.#clock, SILENT_AT_MOST);
    try {
      const signal = init?.signal ? AbortSignal.any([init.signal, silence.signal]) : silence.signal;
      const response = await this.#fetch(input, { ...init, signal });
      silence.broken();
      const refused = response.status === 401 ? parsed(await response.clone().text()) : undefined;
      this.#heard(response.status, refused);
      if (response.status < 400 && response.body) return this.#listened(response, response.body, silence);
      silence.end();
      return response;
    } catch (error) {
      silence.end();
      throw error;
    }
  };

  /** The same answer, each piece of which is heard. */
  #listened(
    { status, statusText, headers }: Response,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    silence: Silence,
  ): Response {
    const isEndless = headers.get("content-type")?.startsWith("text/event-stream");
    const heard = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        silence.broken();
        if (isEndless) this.#listener?.note();
        controller.enqueue(chunk);
      },
    });
    body.pipeTo(heard.writable).then(silence.end, silence.end);
    return new Response(heard.readable, { status, statusText, headers });
  }

  /** One request. Throws DeadlineExceeded when there is no whole answer in time, and what `fetch` throws. */
  async ask(path: string, request: HubRequest): Promise<HubAnswer> {
    const { body, within, signal, answers = "who-is-let-in" } = request;
    const done = new AbortController();
    const late = new AbortController();
    const timer = this.#clock.sleep(within, done.signal).then(
      () => late.abort(new Fault("DeadlineExceeded", `the hub did not answer within ${within} ms`)),
      () => undefined,
    );
    try {
      const response = await this.#fetch(`${this.hubUrl}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...this.headers(), ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([signal, late.signal]),
        redirect: "error",
      });
      const read = parsed(await response.text());
      if (answers === "who-is-let-in" || response.status >= 400) this.#heard(response.status, read);
      return { status: response.status, body: read, retryAfter: retryAfter(response) };
    } finally {
      done.abort();
      await timer;
    }
  }

  #heard(status: number, body: unknown): void {
    const { message, recovering } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    this.#listener?.answered(status, typeof message === "string" ? message.slice(0, 300) : `status ${status}`);
    if (status === 401 && recovering === true) this.#listener?.recovering?.();
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
