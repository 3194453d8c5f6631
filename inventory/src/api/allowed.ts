import type { Kind, Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { refuseFalseClaims } from "./body/claims.ts";
import { readKept } from "./body/read-kept.ts";
import type { Principal } from "./principal.ts";
import { permitted } from "./rights.ts";
import { managedFields, may, WHOLE } from "./roles.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A body that is to change a resource. */
export interface WantedChange {
  /** The id by which the resource was asked for. */
  readonly asked: string;
  readonly resource: Resource;
  /** What the body says of what is not operators' to write. */
  readonly claims: Fields;
  /** The intent that it writes. */
  readonly writes: Fields;
  /** The resource as it is shown. */
  readonly stands: () => Promise<Fields>;
}

/**
 * What of a change its sender may write: intent, and for managers what they observe and what they keep. Throws InvalidArgument for what else the body
 * says otherwise than it stands, and PermissionDenied to whom that is not theirs to write anyway.
 */
export async function allowed(
  principal: Principal,
  kind: Kind,
  { asked, resource, claims, writes, stands }: WantedChange,
): Promise<{ readonly fields: Fields; readonly observed: Fields }> {
  const mine = managedFields(principal, kind.name, resource.tenant);
  if (mine.includes(WHOLE)) {
    const { fields, others } = readKept(kind, claims);
    refuseFalseClaims(others, await stands());
    return { fields, observed: {} };
  }
  const named = Object.entries(claims);
  const others = Object.fromEntries(named.filter(([name]) => !mine.includes(name)));
  if (Object.keys(others).length > 0) {
    const shown = await stands();
    refusing(principal, resource.tenant, () => refuseFalseClaims(ofSurvivor(kind, others, asked, resource), shown));
  }
  const observed = Object.fromEntries(named.filter(([name]) => mine.includes(name)));
  return { fields: permitted(principal, kind, resource, writes), observed };
}

/** To who may not write, what is not theirs is not allowed, rather than wrong. */
function refusing(principal: Principal, tenant: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Fault) || may(principal, "write", tenant)) throw error;
    throw new Fault("PermissionDenied", error.message, { cause: error });
  }
}

/** A body may still name a resource by the former id that it was asked for by. */
function ofSurvivor(kind: Kind, claims: Fields, asked: string, { resourceId }: Resource): Fields {
  if (asked === resourceId) return claims;
  const ids = new Set(["resourceId", ...kind.aliasIds]);
  return Object.fromEntries(Object.entries(claims).filter(([name, value]) => !ids.has(name) || value !== asked));
}
