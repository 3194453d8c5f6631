import { tlsFault } from "@holdfast/runtime/tls-fault";
import type { Connection } from "./connection.ts";
import { Refusal } from "./faults.ts";

/** A resource as the API shows it. */
export type Shown = Readonly<Record<string, unknown>>;

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Page {
  readonly resources: readonly Shown[];
  readonly total: number;
}

/** The API below one project. All of it throws a Refusal for an answer that is no success, and when nobody answers. */
export interface Api {
  get(path: string, query?: Query): Promise<Shown>;
  /** What is about the whole hub and no project, below `/v1`. */
  getOfHub(path: string): Promise<Shown>;
  /** An answer that goes on, as pieces of text, until whoever asks has had enough. */
  stream(path: string, query: Query): Promise<AsyncIterable<string>>;
  send(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object): Promise<Shown>;
  /** The first so many of a list, over as many pages as that takes. */
  list(at: { readonly path: string; readonly key: string }, query: Query, limit: number): Promise<Page>;
}

export interface ApiParts {
  readonly connection: Pick<Connection, "url" | "project" | "fetch">;
  /** Asked before each request: a token may run out in the middle of a long list. */
  token(): Promise<string>;
  readonly signal: AbortSignal;
}

const LARGEST_PAGE = 100;
const ANSWERED_WITHIN = 60_000;

export function createApi({ connection, token, signal }: ApiParts): Api {
  const base = () => `${connection.url()}/v1/projects/${encodeURIComponent(connection.project())}`;
  const reachHub = (url: string, init: RequestInit) => reach(url, init, connection.fetch());
  const authorised = async () => ({ authorization: `Bearer ${await token()}` });

  async function ask(method: string, url: string, body?: object): Promise<Shown> {
    const answer = await reachHub(url, {
      method,
      headers: { ...(await authorised()), ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWERED_WITHIN)]),
    });
    return contentOf(answer);
  }

  const get: Api["get"] = (path, query = {}) => ask("GET", `${base()}/${path}${queryText(query)}`);

  return {
    get,
    getOfHub: (path) => ask("GET", `${connection.url()}/v1/${path}`),
    async stream(path, query) {
      const answer = await reachHub(`${base()}/${path}${queryText(query)}`, { headers: await authorised(), signal });
      const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
      if (isStream && answer.body) return answer.body.pipeThrough(new TextDecoderStream());
      const { message } = await contentOf(answer);
      throw new Refusal("Unknown", { status: 400, message: String(message ?? "cannot be watched") });
    },
    send: (method, path, body) => ask(method, `${base()}/${path}`, body),
    async list({ path, key }, query, limit) {
      const resources: Shown[] = [];
      let at: Query = {};
      for (;;) {
        const pageSize = Math.min(LARGEST_PAGE, limit - resources.length);
        const page = await get(path, { ...query, pageSize, ...at });
        const found = resourcesIn(page, key);
        resources.push(...found);
        const next = found.length === 0 ? undefined : nextOf(page, Number(query.offset ?? 0) + resources.length);
        if (next === undefined || resources.length >= limit) return { resources, total: Number(page.totalElements) };
        at = next;
      }
    },
  };
}

/** An answer from there, whatever it says. Throws an error that names the endpoint when there is none. */
export async function reach(url: string, init: RequestInit, carry: typeof fetch): Promise<Response> {
  try {
    return await carry(url, init);
  } catch (cause) {
    const { origin } = new URL(url);
    throw tlsFault(cause, origin) ?? new Error(`cannot reach ${origin}`, { cause: reasonOf(cause) });
  }
}

/** The JSON object of an answer. Throws a Refusal for one that is no success, or is no JSON. */
export async function contentOf(answer: Response): Promise<Shown> {
  const text = await answer.text();
  const content = parsed(text);
  if (answer.ok && content) return content;
  // An issuer of tokens says it in its own words. RFC 6749 §5.2
  const { error, error_description, code = error, message = error_description } = content ?? {};
  throw new Refusal(typeof code === "string" ? code : `HTTP ${answer.status}`, {
    status: answer.status,
    message: typeof message === "string" ? message : `${new URL(answer.url).origin} answers as no Holdfast does`,
  });
}

/** How the page after one is asked for: by its token, or by how many were before it where there is none. */
function nextOf({ nextPageToken, hasNext }: Shown, count: number): Query | undefined {
  if (typeof nextPageToken === "string") return { offset: undefined, pageToken: nextPageToken };
  return hasNext === true ? { offset: count } : undefined;
}

function resourcesIn(page: Shown, key: string): readonly Shown[] {
  const resources = page[key];
  if (Array.isArray(resources)) return resources;
  throw new Refusal("Unknown", { status: 200, message: `the answer has no ${key}` });
}

function parsed(text: string): Shown | undefined {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null ? (content as Shown) : undefined;
  } catch {
    return undefined;
  }
}

function queryText(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given}`;
}

/** What the system says: fetch itself says only that it failed. */
function reasonOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  // An address for each of several families was tried: their errors are told, the one about them all is empty.
  if (cause instanceof AggregateError) return cause.errors[0];
  return cause ?? error;
}
