import { hash } from "node:crypto";
import type { Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { UpdateRequest } from "../inventory.ts";
import { OtherGeneration } from "../store/faults.ts";
import { writesOf } from "../store/writes-of.ts";
import { refusal } from "./body/check-value.ts";
import type { ReadBody } from "./body/read-body.ts";

/** The change was made of another state of the resource than the one that stands: 412 (RFC 9110 §13.1.1). */
export class PreconditionFailed extends Fault {
  constructor(message: string) {
    super("FailedPrecondition", message);
  }
}

/** Under which an answer keeps the digest of the writes that made it; JSON does not show it. */
const WRITES = Symbol("writes");

/** A resource as it is shown alone; `generation` counts the changes of what operators want. */
export interface Shown {
  readonly generation: number;
  readonly [WRITES]: string;
}

/** An answer that is one resource, and knows which state of it. */
export function shownAlone<A extends object>(answer: A, resource: Pick<Resource, "stamps">): A {
  return Object.assign(answer, { [WRITES]: writesOf(resource) });
}

/** Whether an answer is one resource. */
export function isShown(answer: object): answer is Shown {
  return WRITES in answer;
}

/** What counts on by itself while nothing happens. */
const AGES = /"ageSeconds":\d+,?|"heardAt":"[^"]*",?/g;

/**
 * The entity tag of a resource as it is shown: `"GENERATION-WRITES-DIGEST"`. It is another one whenever anything is that is
 * shown, embedded resources too, but for the ages of observations, which count on by themselves.
 */
export function entityTag({ generation, [WRITES]: writes }: Shown, text: string): string {
  return `"${generation}-${writes}-${hash("sha1", text.replace(AGES, ""), "base64url").slice(0, 16)}"`;
}

const TAG = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y;

/** The tags of a list (RFC 9110 §8.8.3); `*` for any. Throws InvalidArgument naming the header when it is neither. */
function readTags(name: string, header: string): "*" | readonly string[] {
  if (header.trim() === "*") return "*";
  const tags: string[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < header.length) {
    const [, tag] = TAG.exec(header) ?? [];
    if (tag === undefined)
      throw new Fault("InvalidArgument", `${name}: must be * or entity tags such as "7-x", with commas`);
    tags.push(tag);
  }
  return tags;
}

/** Whether `If-None-Match` names what is shown, so that it need not be sent again: weak comparison. */
export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const known = readTags("If-None-Match", ifNoneMatch);
  return known === "*" || known.some((each) => each.replace(/^W\//, "") === tag);
}

/** What must still stand when a change is written. */
export type MadeOf = Pick<UpdateRequest, "ifGeneration" | "ifWrites">;

/**
 * The state that a change must be made of, so that the write itself can look whether it still stands; nothing when any will
 * do. What a site observes meanwhile is no hindrance. Throws PreconditionFailed when `If-Match` names none that stands; weak
 * tags name none.
 */
export function stateToStand(ifMatch: string | undefined, resource: Resource): MadeOf {
  if (ifMatch === undefined) return {};
  const tags = readTags("If-Match", ifMatch);
  if (tags === "*") return {};
  const { generation } = resource;
  const writes = writesOf(resource);
  if (tags.some((tag) => tag.startsWith(`"${generation}-${writes}-`))) {
    return { ifGeneration: generation, ifWrites: writes };
  }
  throw notTheOne(resource.resourceId, generation);
}

export function notTheOne(id: string, stands: number): PreconditionFailed {
  return new PreconditionFailed(`If-Match: ${id} has been changed since: generation ${stands} stands`);
}

/** What a change addresses, and what must still stand when it is written. */
export type ToChange = Pick<UpdateRequest, "tenant" | "id"> & MadeOf;

/** A write that came too late for the state it was made of is refused in the terms in which that state was named. */
export async function asAsked<T>(
  { ifMatch }: { readonly ifMatch: string | undefined },
  id: string,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (ifMatch === undefined || !(error instanceof OtherGeneration)) throw error;
    throw notTheOne(id, error.stands);
  }
}

/** The generation that a body was made of; undefined when it does not say. */
export function generationOf({ generation }: ReadBody["claims"]): number | undefined {
  if (generation === undefined || generation === null) return undefined;
  if (!Number.isSafeInteger(generation)) throw refusal("generation", "must be a whole number");
  return Number(generation);
}
