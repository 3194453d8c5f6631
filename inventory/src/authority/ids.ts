import { randomInt } from "node:crypto";
import { type IdBlock, idFromNumber, type Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";

/** Numbers of ids below are the hub's own, drawn at random; from here on they are lent to sites in blocks. */
export const FIRST_LENT = 0x8000_0000;
const LAST_LENT = 0xffff_ffff;
const DRAWS = 20;

/** An id that no resource of the kind has in the tenant, of those that are never lent. */
export async function freshId(tx: Transaction, kind: Kind, tenant: string): Promise<string> {
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const id = idFromNumber(kind.prefix, randomInt(FIRST_LENT));
    if (!(await tx.get(kind, tenant, id))) return id;
  }
  throw new Fault("ResourceExhausted", `no free id for another ${kind.name}`);
}

/** A block of numbers that no other site was or will be lent. */
export async function lendBlock(tx: Transaction, count: number): Promise<IdBlock> {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`cannot lend ${count} ids`);
  const first = FIRST_LENT + (await tx.nextNumber("ids-lent", count)) - 1;
  if (first + count - 1 > LAST_LENT) throw new Fault("ResourceExhausted", "all ids for sites are lent");
  return { first, count };
}
