import { appendFileSync } from "node:fs";

/** Whether a party took what it was asked for; nobody knows of what was not answered. */
export type Outcome = "acknowledged" | "refused" | "unanswered";

/** The fields that operators write, each value once. */
export type WrittenField = "name" | "metadata" | "note";

/** Something that an operator wanted, and what came of it. */
export type Entry =
  | {
      readonly kind: "write";
      readonly party: string;
      readonly host: string;
      readonly field: WrittenField;
      readonly value: string;
      /** What its writer was shown of the field: whatever this write may take the place of. */
      readonly over: readonly string[];
      readonly outcome: Outcome;
    }
  | {
      readonly kind: "choice";
      readonly party: string;
      readonly conflict: string;
      /** The chosen value; undefined when it is none of ours. */
      readonly value: string | undefined;
      readonly over: readonly string[];
      readonly outcome: Outcome;
    }
  | {
      readonly kind: "registration";
      readonly party: string;
      /** Undefined unless it was acknowledged. */
      readonly host: string | undefined;
      readonly serialNumber: string;
      readonly value: string;
      readonly outcome: Outcome;
    }
  | {
      readonly kind: "deletion";
      readonly party: string;
      readonly host: string;
      /** What the host was shown to have: whatever else the machine was known as goes with it. */
      readonly serialNumber: string;
      readonly outcome: Outcome;
    }
  | {
      readonly kind: "command";
      readonly party: string;
      readonly host: string;
      readonly command: string;
      /** Undefined unless it was acknowledged. */
      readonly id: string | undefined;
      readonly outcome: Outcome;
    }
  | {
      /** A value that may be wanted again and again. */
      readonly kind: "wish";
      readonly party: string;
      readonly host: string;
      readonly field: "desiredPowerState" | "siteId";
      readonly value: string;
      readonly outcome: Outcome;
    };

export type EntryOf<K extends Entry["kind"]> = Extract<Entry, { readonly kind: K }>;

/** All that operators wanted, in the order in which they heard what came of it. Entries are added and never changed. */
export class Ledger {
  readonly #file: string;
  readonly #entries: Entry[] = [];
  /** Ids of all conflicts that somebody was shown. */
  readonly conflicts = new Set<string>();
  /** Hosts of which it was open for a while whether they are there: what their sites observed meanwhile the hub could not take. */
  readonly doubted = new Set<string>();
  #values = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** A value that nobody has wanted before. */
  freshValue(): string {
    this.#values += 1;
    return `w${this.#values}x`;
  }

  add(entry: Entry): void {
    appendFileSync(this.#file, `${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`);
    this.#entries.push(entry);
  }

  of<K extends Entry["kind"]>(kind: K): readonly EntryOf<K>[] {
    return this.#entries.filter((entry): entry is EntryOf<K> => entry.kind === kind);
  }

  get size(): number {
    return this.#entries.length;
  }
}

/** The values of ours in what a party shows. */
export function valuesIn(shown: unknown): readonly string[] {
  return [...new Set(JSON.stringify(shown ?? null).match(/w\d+x/g) ?? [])];
}
