import type { Authority, Transaction } from "@holdfast/inventory";
import { kindNamed, type RecoveredEntry } from "@holdfast/protocol";
import { Fault, type Log, messageOf } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { isOfTheEntry } from "../uplink/entry-fault.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import { quarantine } from "../uplink/quarantine.ts";
import { type HeldParts, takeBack } from "./held.ts";
import { type HeldEntry, takeWaiting, wait } from "./waiting.ts";
import { isToBeHeard } from "./wanted.ts";

/** How a hub that has lost history learns from its sites what they hold (rule 20). */
export interface Recoveries {
  /** Takes back one row, or keeps it until the end of the push when it refers to what is not there yet. */
  held(tx: Transaction, said: { readonly entry: HeldEntry; readonly origin: Origin }): Promise<Applied>;
  /** The site has said all that it holds: what waits is settled, and nothing more is taken back in this life of the hub. */
  recovered(
    tx: Transaction,
    said: { readonly entry: RecoveredEntry; readonly origin: Origin; readonly seq: number },
  ): Promise<Applied>;
  /** A site that begins another life will not go on with what it was saying. */
  onIncarnation(tx: Transaction, origin: Origin): Promise<void>;
}

interface RecoveriesParts extends HeldParts {
  readonly authority: HeldParts["authority"] & Pick<Authority, "lineage">;
  readonly log: Log;
}

/** Rows wait for rows that wait: a region for its parent, that for its own. */
const ROUNDS = 50;

interface Unsettled {
  readonly entry: HeldEntry;
  readonly error: unknown;
}

export function createRecoveries(parts: RecoveriesParts): Recoveries {
  const { authority, ports, log } = parts;

  const isWanted = (tx: Transaction, { site }: Origin) => isToBeHeard(tx, site, authority.lineage());

  /** Undefined when it was taken back. */
  async function refusalOf(tx: Transaction, entry: HeldEntry, origin: Origin): Promise<Unsettled | undefined> {
    try {
      await tx.savepoint(() => takeBack(tx, parts, { entry, origin }));
      return undefined;
    } catch (error) {
      if (isOfTheEntry(error)) return { entry, error };
      throw error;
    }
  }

  async function settle(tx: Transaction, origin: Origin, seq: number): Promise<void> {
    let waiting: HeldEntry[] = await takeWaiting(tx, origin);
    let left: Unsettled[] = [];
    for (let round = 0; round < ROUNDS && waiting.length > 0; round += 1) {
      left = [];
      for (const entry of waiting) {
        const unsettled = await refusalOf(tx, entry, origin);
        if (unsettled) left.push(unsettled);
      }
      if (left.length === waiting.length) break;
      waiting = left.map(({ entry }) => entry);
    }
    for (const each of left) await giveUp(tx, origin, { ...each, seq });
  }

  /** What clashes with another is for an operator to choose; what refers to nothing is set aside. */
  async function giveUp(
    tx: Transaction,
    origin: Origin,
    { entry, error, seq }: Unsettled & { readonly seq: number },
  ): Promise<void> {
    const { id } = entry;
    const kind = kindNamed(entry.kind);
    const reason = messageOf(error);
    const { site, stream, now } = origin;
    log.warn({ site, kind: entry.kind, id, reason }, "a row that a site holds could not be taken back");
    if (kind && entry.type === "replica-row" && isClash(error)) {
      const { creation, fields } = entry.body as { readonly creation?: string; readonly fields: unknown };
      const held = { write: creation ?? `${site}/${id}`, value: fields };
      await ports.conflicts.recordRecovered(tx, { kind, id, origin, reason, held, field: null });
    } else await quarantine(tx, { site, stream, seq, at: now, reason, entry });
  }

  return {
    async held(tx, { entry, origin }) {
      if (!(await isWanted(tx, origin))) return { result: "applied", reason: "this life of the hub has lost nothing" };
      const unsettled = await refusalOf(tx, entry, origin);
      if (unsettled && !mayPass(unsettled.error)) throw unsettled.error;
      if (unsettled) await wait(tx, origin, entry);
      return { result: "applied" };
    },
    async recovered(tx, { entry, origin, seq }) {
      if (!(await isWanted(tx, origin))) return { result: "applied", reason: "this life of the hub has lost nothing" };
      await settle(tx, origin, seq);
      const { site, stream, now: at } = origin;
      const told = { epoch: stream.epoch, at };
      await tx
        .tables<HubTables>()
        .insertInto("site_recovery")
        .values({ site, ...told })
        .onConflict((on) => on.column("site").doUpdateSet(told))
        .execute();
      log.info({ site, ...stream, rows: entry.rows }, "a site has told all that it holds");
      return { result: "applied" };
    },
    onIncarnation: (tx, origin) => settle(tx, origin, 0),
  };
}

/** Whether a refusal may be over once more is there. */
function mayPass(error: unknown): boolean {
  return isClash(error) || (error instanceof Fault && ["InvalidArgument", "NotFound"].includes(error.code));
}

/** Whether what is there stands in the way. */
function isClash(error: unknown): boolean {
  return error instanceof Fault && ["FailedPrecondition", "AlreadyExists"].includes(error.code);
}
