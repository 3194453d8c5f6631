import { audit } from "../audit/audit.ts";
import { HUB_WIDE } from "../audit/entry.ts";
import type { AuditHead } from "../audit/verify.ts";
import type { Author } from "../author.ts";
import type { Transaction } from "../store/contract.ts";
import { takeSegment } from "./ids.ts";

/** The lives of the hub that its database tells of, oldest first: at least the one that it is in, which begins now if none has. */
export async function livesOf(tx: Transaction, newId: () => string): Promise<readonly string[]> {
  const epoch = await tx.setting("epoch");
  if (epoch === undefined) return keepLives(tx, [newId()]);
  const lineage = await tx.setting("lineage");
  return lineage === undefined ? keepLives(tx, [epoch]) : (JSON.parse(lineage) as string[]);
}

interface Beginning {
  readonly lives: readonly string[];
  readonly epoch: string;
  /** A position in the feed that the hub is known to have reached, or the time: the later one counts. */
  readonly beyond: number;
}

/**
 * Begins another life: its stamps have another epoch, its ids are of another segment, and its feed goes on beyond all that a
 * lost one can have reached.
 */
export async function beginLife(tx: Transaction, { lives, epoch, beyond }: Beginning): Promise<readonly string[]> {
  if (lives.includes(epoch)) throw new TypeError(`the epoch ${epoch} has been before`);
  const at = await tx.nextNumber("feed");
  if (beyond > at) await tx.nextNumber("feed", beyond - at);
  await takeSegment(tx, epoch);
  return keepLives(tx, [...lives, epoch]);
}

interface ToldLife {
  readonly lives: readonly string[];
  readonly epoch: string;
  readonly at: number;
  readonly by?: Author;
  readonly reason?: string;
  /** Where the log ended that is known to have been lost. */
  readonly lost?: AuditHead | undefined;
}

/** The log of the hub and of every project says that another life has begun: what was told in a lost one is not in it. */
export async function tellLife(tx: Transaction, { lives, epoch, at, by = { actor: "hub" }, reason, lost }: ToldLife) {
  const before = { epoch: lives.at(-1) ?? null, ...(lost === undefined ? {} : { head: { ...lost } }) };
  const after = { epoch, ...(reason === undefined ? {} : { reason }) };
  for (const tenant of [HUB_WIDE, ...(await tx.tenants()).map(({ id }) => id)]) {
    await audit(tx, { by, at, tenant, kind: "epoch", id: epoch, operation: "create", before, after });
  }
}

/**
 * Puts lives that a lost database has had among those that this one knows, in the order in which they are told; none after or
 * in the place of the one that is now.
 */
export function withLives(known: readonly string[], told: readonly string[]): readonly string[] {
  const lives = [...known];
  let at = 0;
  for (const life of told) {
    const found = lives.indexOf(life);
    if (found === -1) lives.splice(at, 0, life);
    at = Math.min((found === -1 ? at : found) + 1, lives.length - 1);
  }
  return lives;
}

/** Keeps lives that the database has had; the last is the one that it is in. Returns them. */
export async function keepLives(tx: Transaction, lives: readonly string[]): Promise<readonly string[]> {
  await tx.setSetting("epoch", lives.at(-1) ?? "");
  await tx.setSetting("lineage", JSON.stringify(lives));
  return lives;
}
