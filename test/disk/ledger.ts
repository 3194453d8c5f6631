/** What is known of one try to set a value. `unknown`: no answer came, or one that leaves open whether it was done. */
type Outcome = "acknowledged" | "refused" | "unknown";

interface Try {
  readonly value: string;
  outcome: Outcome;
}

/**
 * Who was promised what. Of each thing it knows which values were asked for, in order, and what was answered; so it can say
 * which of them a system may show that loses nothing it has acknowledged and makes up nothing.
 */
export class Ledger {
  readonly #tries = new Map<string, Try[]>();
  #round = new Set<readonly [thing: string, entry: Try]>();

  /** Notes that a value is asked for now. What comes of it is told to what this returns; until then it is unknown. */
  ask(thing: string, value: string): (outcome: Outcome) => void {
    const entry: Try = { value, outcome: "unknown" };
    this.#tries.set(thing, [...(this.#tries.get(thing) ?? []), entry]);
    this.#round.add([thing, entry]);
    return (outcome) => {
      entry.outcome = outcome;
    };
  }

  get things(): string[] {
    return [...this.#tries.keys()];
  }

  /** Values that may be shown: the last acknowledged, and whatever was asked for after it and not refused. */
  allowed(thing: string): string[] {
    const tries = this.#tries.get(thing) ?? [];
    const last = tries.findLastIndex(({ outcome }) => outcome === "acknowledged");
    return tries.slice(Math.max(last, 0)).flatMap(({ value, outcome }) => (outcome === "refused" ? [] : [value]));
  }

  /** Whether nothing was ever acknowledged of it, so that it may be absent as well. */
  isUncertain(thing: string): boolean {
    return !(this.#tries.get(thing) ?? []).some(({ outcome }) => outcome === "acknowledged");
  }

  /** From now on this is what it is: what was uncertain has been looked at, and may not change by itself. */
  settle(thing: string, value: string): void {
    this.#tries.set(thing, [{ value, outcome: "acknowledged" }]);
  }

  forget(thing: string): void {
    this.#tries.delete(thing);
  }

  newRound(): void {
    this.#round = new Set();
  }

  /** What was asked for since the round began and not acknowledged. */
  get unanswered(): string[] {
    const missing = [...this.#round].filter(([, { outcome }]) => outcome !== "acknowledged");
    return missing.map(([thing, { value }]) => `${thing}: ${value}`);
  }
}

/** What contradicts the ledger in what is shown: a promise that was broken, or something that nobody asked for. */
export function contradictions(ledger: Ledger, shown: ReadonlyMap<string, string>): string[] {
  return ledger.things.flatMap((thing) => {
    const [is, allowed] = [shown.get(thing), ledger.allowed(thing)];
    if (is === undefined && (ledger.isUncertain(thing) || allowed.includes(GONE))) return [];
    if (is !== undefined && allowed.includes(is)) return [];
    return [`${thing} is ${is ?? "not there"}, and should be ${allowed.join(" or ")}`];
  });
}

/** The value of what was asked to be deleted. */
export const GONE = "gone";
