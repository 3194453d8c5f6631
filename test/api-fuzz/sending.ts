import type { Caller, DrawnRequest } from "./requests.ts";
import type { IdOf } from "./values.ts";

/** A hub under attack: where it is, in which project, and the tokens of those who ask. */
export interface Target {
  readonly url: string;
  readonly project: string;
  readonly tokens: Readonly<Record<Caller, string | undefined>>;
}

export interface Sent {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The answer may be held back until there is something to say. */
  readonly mayWait: boolean;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly requestId: string | null;
  /** Undefined when the answer was still coming when it was left: a stream. */
  readonly text: string | undefined;
}

/** The ids that answers have named, by what they begin with, the newest first. */
export class KnownIds {
  readonly #ids = new Map<string, string[]>();

  /** Notes every id in an answer's text. */
  note(text: string): void {
    for (const [id, prefix = ""] of text.matchAll(/\b([a-z]+)-[0-9a-f]{8,16}\b/g)) {
      const known = this.#ids.get(prefix) ?? [];
      this.#ids.set(prefix, [id, ...known.filter((each) => each !== id)].slice(0, 8));
    }
  }

  /** A value with ids in it. A member that stands for an id of which none is known is left out, but for a few. */
  fill(value: unknown): unknown {
    if (Array.isArray(value)) return value.filter((each) => this.#isKnown(each)).map((each) => this.fill(each));
    if (typeof value !== "object" || value === null) return value;
    if (isIdOf(value)) return this.#idOf(value);
    const members = Object.entries(value).filter(([, each]) => this.#isKnown(each));
    return Object.fromEntries(members.map(([name, each]) => [name, this.fill(each)]));
  }

  #isKnown(value: unknown): boolean {
    return !isIdOf(value) || value.nth === 0 || this.#ids.has(value.idOf);
  }

  #idOf({ idOf, nth }: IdOf): string {
    const known = this.#ids.get(idOf) ?? [];
    return known[nth % known.length] ?? `${idOf}-00000000`;
  }
}

function isIdOf(value: unknown): value is IdOf {
  if (typeof value !== "object" || value === null) return false;
  return "idOf" in value && "nth" in value && typeof value.idOf === "string" && typeof value.nth === "number";
}

/** A request as it goes out. */
export function written(request: DrawnRequest, ids: KnownIds, { project, tokens }: Target): Sent {
  const { operation, caller } = request;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = ids.fill(request.path[name]) ?? (name === "projectName" ? project : `${name}-00000000`);
    const text = encodeURIComponent(String(value).toWellFormed());
    // Of these a client makes another path.
    return ["", ".", ".."].includes(text) ? "%20" : text;
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) query.append(name, asText(ids.fill(value)));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = headerText(asText(ids.fill(value) ?? project), project);
  const token = tokens[caller];
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const mayWait = WAITING.some((name) => query.has(name));
  const sent = { method: operation.method, path: pathOf(path, query), headers, mayWait };
  if (!("body" in request)) return { ...sent, body: undefined };
  const body = typeof request.body === "string" ? request.body : JSON.stringify(ids.fill(request.body));
  headers["content-type"] = operation.bodyType;
  return { ...sent, body };
}

/** Parameters by which a client asks for what has not happened yet. */
const WAITING = ["live", "watch"];

function pathOf(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query}`;
}

function asText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What a header may hold; the project's own name where one is asked for and the text is none of a header. */
function headerText(text: string, project: string): string {
  return /^[\x20-\x7e]{1,200}$/.test(text) ? text : project;
}

/** For how long the answer of something that goes on and on is listened to, milliseconds. */
const LISTEN = 50;
/** No answer takes longer than this, milliseconds. */
const LONGEST_ANSWER = 30_000;

/**
 * Sends it and reads the answer; a stream of events is left after its first moment. Undefined when what may be held back was.
 */
export async function send(url: string, sent: Sent): Promise<Answered | undefined> {
  const left = new AbortController();
  const limit = sent.mayWait ? AbortSignal.timeout(LISTEN) : AbortSignal.timeout(LONGEST_ANSWER);
  const { method, path, headers, body } = sent;
  const signal = AbortSignal.any([left.signal, limit]);
  try {
    const response = await fetch(`${url}${path}`, { method, headers, signal, ...(body === undefined ? {} : { body }) });
    const type = response.headers.get("content-type") ?? "";
    const head = { status: response.status, type, requestId: response.headers.get("x-request-id") };
    if (!type.startsWith("text/event-stream")) return { ...head, text: await response.text() };
    left.abort();
    return { ...head, text: undefined };
  } catch (error) {
    if (sent.mayWait && limit.aborted) return undefined;
    throw error;
  }
}
