import { createHash, randomInt } from "node:crypto";
import { type IdBlock, idFromNumber, KINDS, type Kind, Site } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction, View } from "../store/contract.ts";
import { tombstoneOf } from "./tombstones.ts";

/** Numbers of ids below are the hub's own, drawn at random; from here on they are lent to sites in blocks. */
export const FIRST_LENT = 0x8000_0000;
/** Blocks are cut from segments of so many numbers; each life of the hub has segments of its own. */
export const SEGMENT = 0x4_0000;
const SEGMENTS = 0x8000_0000 / SEGMENT;
/** An earlier version lent from the first number on, and knew no segments. */
const LENT_BEFORE = SEGMENTS / 32;
const DRAWS = 20;

/**
 * An id that no resource of the kind, or of one with the same prefix, has or had in the tenant, of those that are never lent;
 * a site's is unknown in every tenant, for feeds and links go by it alone. `drawn` is a number below `FIRST_LENT`.
 */
export async function freshId(
  tx: Transaction,
  kind: Kind,
  tenant: string,
  drawn: () => number = () => randomInt(FIRST_LENT),
): Promise<string> {
  const tenants = kind.name === Site.name ? (await tx.tenants()).map(({ id }) => id) : [tenant];
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const resourceId = idFromNumber(kind.prefix, drawn());
    const known = await anyOf(tenants, (each) => isKnown(tx, kind, { tenant: each, resourceId }));
    if (!known) return resourceId;
  }
  throw new Fault("ResourceExhausted", `no free id for another ${kind.name}`);
}

async function anyOf<T>(all: readonly T[], holds: (one: T) => Promise<boolean>): Promise<boolean> {
  for (const one of all) if (await holds(one)) return true;
  return false;
}

async function isKnown(tx: Transaction, { prefix }: Kind, wanted: { tenant: string; resourceId: string }) {
  for (const kind of KINDS.filter((each) => each.prefix === prefix)) {
    if (await tx.get(kind, wanted.tenant, wanted.resourceId)) return true;
    if (await tombstoneOf(tx, kind, wanted)) return true;
  }
  return false;
}

/** A block of numbers that no other site was or will be lent, in this life of the hub and as far as known in others. */
export async function lendBlock(tx: Transaction, epoch: string, count: number): Promise<IdBlock> {
  if (!Number.isInteger(count) || count < 1 || count > SEGMENT) throw new RangeError(`cannot lend ${count} ids`);
  const segment = (await segmentsTaken(tx)).at(-1) ?? (await takeSegment(tx, epoch));
  return (await cut(tx, segment, count)) ?? (await cut(tx, await takeSegment(tx, epoch), count)) ?? exhausted();
}

/**
 * Takes a segment that this database has not lent from, for a life of the hub. Which one follows from the epoch, for a
 * restored database does not know what was lent after its backup (rule 16).
 */
export async function takeSegment(tx: Transaction, epoch: string): Promise<number> {
  const taken = await segmentsTaken(tx);
  const [free, from] = [SEGMENTS - LENT_BEFORE, createHash("sha256").update(epoch).digest().readUInt32BE()];
  for (let step = 0; step < free; step += 1) {
    const segment = LENT_BEFORE + ((from + step) % free);
    if (taken.includes(segment)) continue;
    await tx.setSetting("lent-segments", JSON.stringify([...taken, segment]));
    return segment;
  }
  return exhausted();
}

/** Whether a number is one that is lent to sites, and not of the segment that is lent from now. */
export async function isLentElsewhere(view: Pick<View, "setting">, number: number): Promise<boolean> {
  const now = (await segmentsTaken(view)).at(-1);
  return number >= FIRST_LENT && Math.floor((number - FIRST_LENT) / SEGMENT) !== now;
}

async function segmentsTaken(tx: Pick<View, "setting">): Promise<readonly number[]> {
  return JSON.parse((await tx.setting("lent-segments")) ?? "[]") as number[];
}

/** A block of what is left of a segment; undefined when that is less, and the rest is then never lent. */
async function cut(tx: Transaction, segment: number, count: number): Promise<IdBlock | undefined> {
  const at = (await tx.nextNumber(`ids-lent-${segment}`, count)) - 1;
  return at + count > SEGMENT ? undefined : { first: FIRST_LENT + segment * SEGMENT + at, count };
}

function exhausted(): never {
  throw new Fault("ResourceExhausted", "all ids for sites are lent");
}
