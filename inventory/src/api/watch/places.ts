import { TooOften } from "../errors.ts";

/** One who watches, or is about to. */
export interface Place {
  /** The token by which they came, or who they are where there is none. */
  readonly caller: string;
  /** As refusals name the caller. */
  readonly actor: string;
  /** Id of the tenant of which they watch something. */
  readonly tenant: string;
  /** Ends the watch, saying why. */
  end(reason?: Error): void;
}

/** How many one caller may have, and all together. */
const MOST_OF_ONE = 50;
const MOST = 1_000;

/** When to come again, in seconds. */
const LATER = 10;

/**
 * Who watches at one time, as many as a server bears. When all places are taken, a tenant that has fewer than another gets the
 * newest of the one that has most: that one's watcher goes on by its cursor when there is room.
 */
export class Places {
  readonly #most: number;
  readonly #taken = new Set<Place>();

  constructor(most = MOST) {
    this.#most = most;
  }

  /** Throws ResourceExhausted when there is no place. */
  take(place: Place): void {
    const all = [...this.#taken];
    const own = all.filter(({ caller }) => caller === place.caller).length;
    if (own >= MOST_OF_ONE) throw new TooOften(`${place.actor} watches ${own} lists already: end one first`, LATER);
    if (all.length >= this.#most) this.#makeRoom(all, place.tenant);
    this.#taken.add(place);
  }

  /** Leaving twice does nothing. */
  leave(place: Place): void {
    this.#taken.delete(place);
  }

  endAll(): void {
    for (const place of this.#taken) place.end();
  }

  #makeRoom(all: readonly Place[], tenant: string): void {
    const byTenant = Map.groupBy(all, (place) => place.tenant);
    const own = byTenant.get(tenant)?.length ?? 0;
    const largest = [...byTenant.values()].reduce((most, each) => (each.length > most.length ? each : most));
    const newest = largest.at(-1);
    if (!newest || largest.length <= own + 1) throw new TooOften("too many watch already", LATER);
    this.leave(newest);
    newest.end(new TooOften("the place is needed for others: go on by the cursor", LATER));
  }
}
