import { messageOf } from "@holdfast/runtime";
import type { Outcome } from "./ledger.ts";
import type { Timeline } from "./timeline.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the API answers with
export type Json = any;

/** What a party answered; a request that found no answer may have been done or not. */
export type Answer =
  | { readonly is: "done"; readonly body: Json; readonly headers: Headers }
  | { readonly is: "refused"; readonly status: number; readonly code: string }
  | { readonly is: "unanswered"; readonly why: string };

/** What an answer means for what was asked for. */
export function outcomeOf({ is }: Answer): Outcome {
  return is === "done" ? "acknowledged" : is;
}

export const PROJECT = "/v1/projects/default";
export const HOSTS = `${PROJECT}/compute/hosts`;

const ANSWERS_WITHIN = 10_000;
const PAGE = 100;

/** The hub or a site as operators reach it, over HTTP with a token. */
export class Party {
  readonly name: string;
  readonly #url: string;
  readonly #token: () => string;
  readonly #timeline: Timeline;
  /** Answers that no party may give, whatever happens to it. */
  readonly complaints: string[] = [];

  constructor(name: string, parts: { url: string; token: () => string; timeline: Timeline }) {
    this.name = name;
    this.#url = parts.url;
    this.#token = parts.token;
    this.#timeline = parts.timeline;
  }

  async request(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await this.#request(method, path, body);
    if (answer.is === "unanswered")
      this.#timeline.note("unanswered", this.name, { asked: `${method} ${path}`, why: answer.why });
    return answer;
  }

  async #request(method: string, path: string, body: object | undefined): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${this.#token()}`,
      ...(body ? { "content-type": "application/json" } : {}),
    };
    const signal = AbortSignal.timeout(ANSWERS_WITHIN);
    try {
      const sent = { method, headers, signal, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await fetch(`${this.#url}${path}`, sent);
      const text = await response.text();
      const answered = text === "" ? undefined : JSON.parse(text);
      if (response.ok) return { is: "done", body: answered, headers: response.headers };
      const { status } = response;
      if ([401, 500, 501, 502].includes(status)) this.#complain(`${method} ${path}: ${status} ${text}`);
      if (status >= 500) return { is: "unanswered", why: `${status} ${text.slice(0, 200)}` };
      return { is: "refused", status, code: answered?.code ?? "" };
    } catch (error) {
      return { is: "unanswered", why: messageOf(error) };
    }
  }

  /** The answer to a request that must be done. */
  async ask(method: string, path: string, body?: object): Promise<Json> {
    const answer = await this.request(method, path, body);
    if (answer.is === "done") return answer.body;
    const how = answer.is === "refused" ? `${answer.status} ${answer.code}` : answer.why;
    throw new Error(`${this.name}: ${method} ${path}: ${how}`);
  }

  /** Every member of a list, page by page. */
  async all(path: string, key: string): Promise<Json[]> {
    const found: Json[] = [];
    for (let hasNext = true; hasNext; ) {
      const joint = path.includes("?") ? "&" : "?";
      const page = await this.ask("GET", `${path}${joint}pageSize=${PAGE}&offset=${found.length}`);
      found.push(...page[key]);
      hasNext = page.hasNext;
    }
    return found;
  }

  #complain(what: string): void {
    this.#timeline.note("complaint", this.name, { what });
    this.complaints.push(`${this.name}: ${what}`);
  }
}
