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
}

/** What is there in the end. */
export interface Outcome {
  /** Undefined for a resource that is no more, or has become another. */
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
  #wishes: Wish[] = [];
  readonly #first = new Map<Place, string>();
  readonly #gone = new Set<string>();

  /** What a field held before anybody wanted anything of it here. */
  found(resource: string, field: string, value: string): void {
    const place: Place = `${resource} ${field}`;
    if (!this.#first.has(place)) this.#first.set(place, value);
  }

  wanted(wish: Wish): void {
    this.#wishes.push(wish);
  }

  /** Somebody was told that a resource will be no more. */
  deleted(resource: string): void {
    this.#gone.add(resource);
  }

  get deletedOnes(): ReadonlySet<string> {
    return this.#gone;
  }

  get acknowledged(): number {
    return this.#wishes.filter((wish) => wish.acknowledged).length;
  }

  /** After a disaster: what nobody holds any more is lost, and may be. */
  forgetUnless(isHeld: (value: string) => boolean): void {
    this.#wishes = this.#wishes.filter(({ value }) => isHeld(value));
  }

  /** What is wrong with an outcome, in words; nothing when all is well. */
  faultsIn(outcome: Outcome): string[] {
    return [...Map.groupBy(this.#wishes, ({ resource, field }): Place => `${resource} ${field}`)].flatMap(
      ([place, wishes]) => {
        const [resource = "", field = ""] = place.split(" ");
        return faultsAt({ resource, field, first: this.#first.get(place), wishes }, outcome);
      },
    );
  }

  /** Wishes that were acknowledged and of which nothing tells, nor of what somebody put in their place. */
  forgotten(isTold: (value: string) => boolean): string[] {
    const kept = new Set(this.#wishes.map(({ value }) => value).filter(isTold));
    for (let before = -1; before !== kept.size; ) {
      before = kept.size;
      for (const { value, over } of this.#wishes) if (kept.has(value)) for (const each of over) kept.add(each);
    }
    const lost = this.#wishes.filter(({ value, acknowledged }) => acknowledged && !kept.has(value));
    return lost.map(
      ({ resource, field, value }) => `${field} ${value} of ${resource} was acknowledged and is forgotten`,
    );
  }
}

interface Field {
  readonly resource: string;
  readonly field: string;
  readonly first: string | undefined;
  readonly wishes: readonly Wish[];
}

function faultsAt({ resource, field, first, wishes }: Field, outcome: Outcome): string[] {
  const value = outcome.valueOf(resource, field);
  if (value === undefined) return [];
  const contested = outcome.contested(resource, field);
  // Of a wish that nobody heard the answer of, what is seen says whether it was taken.
  const seen = new Set([value, ...contested, ...wishes.flatMap(({ over }) => over)]);
  const taken = wishes.filter((wish) => wish.acknowledged || seen.has(wish.value));
  const replaced = new Set(taken.filter((wish) => wish.acknowledged).flatMap(({ over }) => over));
  const heads = new Set(taken.filter((wish) => wish.isChoice || !replaced.has(wish.value)).map((wish) => wish.value));
  const faults: string[] = [];
  const about = `${field} of ${resource}`;
  const known = new Set([...wishes.map((wish) => wish.value), ...(first === undefined ? [] : [first])]);
  if (!known.has(value)) faults.push(`${about} is ${value}, which nobody wanted`);
  else if (heads.size > 0 && !heads.has(value)) {
    faults.push(`${about} is ${value}, in whose place somebody put ${[...heads].join(" or ")}`);
  }
  for (const head of heads) {
    if (head === value || contested.includes(head)) continue;
    const wish = taken.find((each) => each.value === head);
    if (wish?.acknowledged && !outcome.isTold(head)) {
      faults.push(`${about} is ${value}: ${head} was acknowledged, and nobody is asked about it or told`);
    }
  }
  return faults;
}
