import type { Revision } from "../../store/revisions.ts";

export type EventName = "created" | "updated" | "deleted";

/** What one watcher is remembered to have been told of; more is not remembered. */
const MOST = 20_000;

/**
 * Which event a change is to one watcher. Where everything is watched the log says it. Where a filter is, a resource also
 * comes and goes by beginning and ceasing to match, so what was shown is remembered; of what is not, `deleted` is told to be
 * sure, once.
 */
export class Memory {
  readonly #filtered: boolean;
  readonly #shown = new Map<string, boolean>();
  /** Whether what is not remembered was never shown. */
  #whole: boolean;

  constructor({ filtered, whole }: { readonly filtered: boolean; readonly whole: boolean }) {
    this.#filtered = filtered;
    this.#whole = whole;
  }

  /** A resource was shown, as part of the state or as an event. */
  show(id: string): void {
    if (this.#filtered) this.#remember(id, true);
  }

  /** Undefined when the watcher need not be told. `matches`: it is there, and the watcher wants to see it. */
  eventOf({ id, since }: Revision, matches: boolean, after: number): EventName | undefined {
    if (!this.#filtered && matches) return since > after ? "created" : "updated";
    if (!this.#filtered) return "deleted";
    const shown = this.#shown.get(id) ?? (this.#whole ? false : undefined);
    if (matches) {
      this.#remember(id, true);
      if (shown === undefined) return since > after ? "created" : "updated";
      return shown ? "updated" : "created";
    }
    this.#remember(id, false);
    return shown === false ? undefined : "deleted";
  }

  #remember(id: string, shown: boolean): void {
    // Of what was never shown nothing needs to be known where all that was is.
    if (!shown && this.#whole) this.#shown.delete(id);
    else if (this.#shown.has(id) || this.#shown.size < MOST) this.#shown.set(id, shown);
    else if (shown) this.#whole = false;
  }
}
