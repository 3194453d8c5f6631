import { simulation } from "../simulation/simulation.ts";
import type { WorldHub } from "../world/hub.ts";
import { type Answer, type Json, request } from "../world/request.ts";
import type { WorldSite } from "../world/site.ts";

/** Where operators ask. */
export type Party = WorldHub | WorldSite;

/** Who asks, if it is another than the one who is always there, and what else they say. */
export interface As {
  readonly token?: string | undefined;
  readonly headers?: object;
}

/** How long an operator waits for an answer, milliseconds. */
const PATIENCE = 60_000;

const WRITES: readonly string[] = ["POST", "PATCH", "PUT", "DELETE"];

/** What people do at hub and sites, over the API as everybody does, and how often. */
export class Operators {
  readonly #token: string;
  #count = 0;
  #answered = 0;

  constructor(token: string) {
    this.#token = token;
  }

  /** Things that were asked for: writes, whatever came of them. */
  get actions(): number {
    return this.#count;
  }

  /** Of those, the ones that were taken. */
  get taken(): number {
    return this.#answered;
  }

  /** What came back, to whoever is always there or to another; undefined when nothing did. */
  async ask(
    at: Party,
    method: string,
    path: string,
    body?: unknown,
    { token = this.#token, headers = {} }: As = {},
  ): Promise<Answer<Json> | undefined> {
    const isWrite = WRITES.includes(method);
    if (isWrite) this.#count += 1;
    const giveUp = new AbortController();
    const callOff = simulation().time.after(PATIENCE, () => giveUp.abort(new Error("nobody answers")));
    try {
      const answer = await request(`${at.url}${path}`, { method, token, body, headers, signal: giveUp.signal });
      if (isWrite && answer.status < 300) this.#answered += 1;
      return answer;
    } catch {
      return undefined;
    } finally {
      callOff();
    }
  }
}
