import { Host, Instance, type Kind, kindNamed, Region, Site } from "@holdfast/protocol";
import type { Condition } from "../../store/condition.ts";
import type { View } from "../../store/contract.ts";
import type { ValueSchema } from "../body/check-value.ts";
import { fieldValue } from "../render/field-value.ts";
import type { Resources } from "../resources.ts";
import type { Call } from "./route.ts";

/** What schedules and profiles are about. */
export interface Target {
  readonly kind: Kind;
  readonly id: string;
}

/** By the parameter that asks about one. */
const ASKED: Readonly<Record<string, Kind>> = { hostId: Host, instanceId: Instance, siteId: Site, regionId: Region };

/** In what each kind of target is, by the field that says so. */
const WITHIN: Readonly<Record<string, string>> = {
  instance: "hostID",
  host: "siteId",
  site: "regionId",
  region: "parentId",
};

/** An instance, its host, its site and five levels of regions; only a circle is longer. */
const LONGEST = 8;

/** The parameter that asks about a target of a kind. */
export function idOf({ prefix }: Kind, description: string): ValueSchema {
  return { type: "string", pattern: `^${prefix}-[0-9a-f]{8}$`, description };
}

/** What a call asks about, by the ids that they have now. Throws NotFound for one that is not there, or NotHeldHere. */
export async function targetsOf(resources: Resources, call: Call): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const [name, kind] of Object.entries(ASKED)) {
    const id = call.query[name];
    if (typeof id === "string") targets.push({ kind, id: (await resources.find(kind, id, call)).id });
  }
  return targets;
}

/** A target and all that it is in, innermost first. */
export async function withAllAround(view: View, tenant: string, target: Target): Promise<readonly Target[]> {
  const chain = [target];
  for (let at = target; chain.length < LONGEST; ) {
    const field = WITHIN[at.kind.name] ?? "";
    const kind = kindNamed(at.kind.fields[field]?.reference?.kind ?? "");
    const resource = await view.get(at.kind, tenant, at.id);
    const id = resource && fieldValue(resource, field);
    if (!kind || typeof id !== "string") break;
    at = { kind, id };
    chain.push(at);
  }
  return chain;
}

/** That a resource of a kind is about one of these. */
export function isAboutOneOf(kind: Kind, targets: readonly Target[]): Condition {
  const names = targets.flatMap((target) =>
    Object.entries(kind.fields)
      .filter(([, { reference }]) => reference?.kind === target.kind.name)
      .map(([field]) => ({ is: "compare", path: [field], operator: "equal", value: target.id }) as const),
  );
  return { is: "or", of: names };
}
