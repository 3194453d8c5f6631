/** A field of a resource, by names that need no more. */
type Place = `${string} ${string}`;

/** Something that somebody wanted of a field, and what stood there when they looked. */
export interface Wish {
  readonly resource: string;
  readonly field: string;
  readonly value: string;
  /** What whoever wanted it was shown, which their wish takes the place of. */
  readonly over: readonly string[];
  /** Whether they were told that it is taken; when they were told nothing it may be, or not. */
  readonly acknowledged: boolean;
  /** It was there before and somebody has chosen it again: who saw it before then has not seen that. */
  readonly isChoice?: true;
  /** How much had been wanted in all when it was asked for. */
  readonly asked: number;
  /** What it took the place of may be something else than its author was shown, which came in between. */
  readonly isBlind?: boolean;
}

/** With how much had been wanted in all when its author was answered. */
type Heard = Wish & { readonly answered: number };

/** What is there in the end. */
export interface Outcome {
  /** The id under which people find now what they knew by this one. */
  idOf(resource: string): string;
  /** Undefined for a resource that is no more. */
  valueOf(resource: string, field: string): string | undefined;
  /** The values that an open conflict lists, which people are asked about. */
  contested(resource: string, field: string): readonly string[];
  /** Whether anything that people can look up tells of a value: what was, or what came of a wish that could not be granted. */
  isTold(value: string): boolean;
}

/**
 * The reference that hub and sites are held against: what people wanted, in what order as far as they knew, and nothing of
 * how it travels. A wish that nobody took the place of knowingly stands in the end, or people are asked; what stands was
 * wanted, and nobody who saw it wanted something else.
 */
export class Ledger {
  #wishes: Heard[] = [];
  #count = 0;
  readonly #first = new Map<Place, string>();
  readonly #gone = new Set<string>();
  readonly #unheard = new Set<string>();

  /** What a field held before anybody wanted anything of it here. */
  found(resource: string, field: string, value: string): void {
    const place: Place = `${resource} ${field}`;
    if (!this.#first.has(place)) this.#first.set(place, value);
  }

  /** Somebody wanted it of a resource whose id they were not told, for nobody answered. */
  unheard(value: string): void {
    this.#unheard.add(value);
  }

  wanted(wish: Wish): void {
    this.#count += 1;
    this.#wishes.push({ ...wish, answered: this.#count });
  }

  /** How much has been wanted in all. */
  get count(): number {
    return this.#count;
  }

  /** Somebody was told that a resource will be no more. */
  deleted(resource: string): void {
    this.#gone.add(resource);
  }

  get deletedOnes(): ReadonlySet<string> {
    return this.#gone;
  }

  /** What anything was wanted of. */
  get resources(): ReadonlySet<string> {
    return new Set(this.#wishes.map(({ resource }) => resource));
  }

  get acknowledged(): number {
    return this.#wishes.filter((wish) => wish.acknowledged).length;
  }

  /** After a disaster: what nobody holds any more is lost, and may be, unless what somebody put in its place is held. */
  forgetUnless(isHeld: (value: string) => boolean): void {
    const kept = this.#withWhatTheyReplaced(isHeld);
    this.#wishes = this.#wishes.filter(({ value }) => kept.has(value));
  }

  /** What is wrong with an outcome, in words; nothing when all is well. */
  faultsIn(outcome: Outcome): string[] {
    const now = (place: string): Place => {
      const [resource = "", field = ""] = place.split(" ");
      return `${outcome.idOf(resource)} ${field}`;
    };
    const first = Map.groupBy(this.#first, ([place]) => now(place));
    return [...Map.groupBy(this.#wishes, ({ resource, field }) => now(`${resource} ${field}`))].flatMap(
      ([place, wishes]) => {
        const [resource = "", field = ""] = place.split(" ");
        const found = [...(first.get(place) ?? []).map(([, value]) => value), ...this.#unheard];
        return faultsAt({ resource, field, found, wishes }, outcome);
      },
    );
  }

  /** Wishes that were acknowledged and of which nothing tells, nor of what somebody put in their place. */
  forgotten(isTold: (value: string) => boolean): string[] {
    const kept = this.#withWhatTheyReplaced(isTold);
    const lost = this.#wishes.filter(({ value, acknowledged }) => acknowledged && !kept.has(value));
    return lost.map(
      ({ resource, field, value }) => `${field} ${value} of ${resource} was acknowledged and is forgotten`,
    );
  }

  /** The values for which it is so, those in whose place somebody put them, and so on. */
  #withWhatTheyReplaced(isSo: (value: string) => boolean): ReadonlySet<string> {
    const values = new Set(this.#wishes.map(({ value }) => value).filter(isSo));
    for (let before = -1; before !== values.size; ) {
      before = values.size;
      for (const { value, over } of this.#wishes) if (values.has(value)) for (const each of over) values.add(each);
    }
    return values;
  }
}

interface Field {
  readonly resource: string;
  readonly field: string;
  /** What was there before, under each of its ids, or may have come there unheard. */
  readonly found: readonly string[];
  readonly wishes: readonly Heard[];
}

function faultsAt({ resource, field, found, wishes }: Field, outcome: Outcome): string[] {
  const value = outcome.valueOf(resource, field);
  if (value === undefined) return [];
  const contested = outcome.contested(resource, field);
  // Of a wish that nobody heard the answer of, what is seen says whether it was taken.
  const seen = new Set([value, ...contested, ...wishes.flatMap(({ over }) => over)]);
  const taken = wishes.filter((wish) => wish.acknowledged || seen.has(wish.value));
  const replaced = new Set(taken.filter((wish) => wish.acknowledged).flatMap(({ over }) => over));
  const isReplaced = ({ value: of, isChoice }: Wish) => (isChoice ? isSeenWhole(of, taken) : replaced.has(of));
  const heads = new Set(taken.filter((wish) => !isReplaced(wish)).map((wish) => wish.value));
  const isOwed = (wish: Heard) =>
    wish.acknowledged && !isReplaced(wish) && !isPerhapsSeen(wish, taken) && !mayBeCovered(wish, wishes);
  const faults: string[] = [];
  const about = `${field} of ${resource}`;
  const known = new Set([...wishes.map((wish) => wish.value), ...found]);
  if (!known.has(value)) faults.push(`${about} is ${value}, which nobody wanted`);
  // What a site wanted that does not manage the host any more waits to be chosen, whatever its author saw (rule 14).
  else if (![...heads].every((head) => contested.includes(head)) && !heads.has(value)) {
    faults.push(`${about} is ${value}, in whose place somebody put ${[...heads].join(" or ")}`);
  }
  for (const head of heads) {
    if (head === value || contested.includes(head)) continue;
    if (taken.some((wish) => wish.value === head && isOwed(wish)) && !outcome.isTold(head)) {
      faults.push(`${about} is ${value}: ${head} was acknowledged, and nobody is asked about it or told`);
    }
  }
  return faults;
}

/** Whether somebody who wanted another value saw this one as often as it was wanted: so the choice of it too. */
function isSeenWhole(value: string, taken: readonly Wish[]): boolean {
  const timesIn = (values: readonly string[]) => values.filter((each) => each === value).length;
  const wanted = timesIn(taken.map((wish) => wish.value));
  return taken.some(({ acknowledged, over }) => acknowledged && timesIn(over) >= wanted);
}

/** Whether somebody saw its value when it had been wanted, be it of this wish or of the one that it repeats. */
function isPerhapsSeen({ value, answered }: Heard, taken: readonly Heard[]): boolean {
  return taken.some(({ asked, over }) => over.includes(value) && asked >= answered);
}

/** Whether somebody put theirs in its place without having been shown it: no look is the last one, and a write says nothing of it. */
function mayBeCovered({ value, asked }: Heard, wishes: readonly Heard[]): boolean {
  return wishes.some((wish) => (wish.isBlind || !wish.acknowledged) && wish.value !== value && wish.answered > asked);
}
