import type { HostState } from "@holdfast/protocol/kinds/host-states";
import type { Static } from "typebox";
import { realSerial, realUuid } from "./machine-identity.ts";

/** A host as far as admitting a machine to it goes. */
export interface Candidate {
  readonly id: string;
  readonly serialNumber: string | undefined;
  readonly uuid: string | undefined;
  /** Where operators want it. */
  readonly siteId: string | undefined;
  /** Who manages it now. */
  readonly owner: string | undefined;
  readonly desiredState: Static<typeof HostState> | undefined;
  /** The machine that holds its credential. */
  readonly machine: string | undefined;
}

export interface Asking {
  readonly site: string;
  readonly machine: string;
  readonly serialNumber: string | undefined;
  readonly uuid: string | undefined;
  readonly uuidDerived: boolean;
  /** The one host that the token admits; any when undefined. */
  readonly tokenHost: string | undefined;
}

export type Match =
  | { readonly is: "known"; readonly id: string; readonly claim: boolean }
  | { readonly is: "new" }
  | { readonly is: "refused"; readonly reason: string };

/**
 * Which host a machine is: the one the token names, else the one it was before, else the one registered with its UUID, else
 * with its serial number; else a new one. A machine that is two hosts at once, or another machine's host, is refused.
 */
export function matchHost(asking: Asking, candidates: readonly Candidate[]): Match {
  const found = find(asking, candidates);
  if (typeof found === "string") return refused(found);
  if (!found) return { is: "new" };
  const { id, desiredState, owner, siteId, machine } = found;
  if (desiredState === "HOST_STATE_DELETED") return refused(`${id} is being deleted`);
  if (desiredState === "HOST_STATE_UNTRUSTED") return refused(`${id} is not trusted any more`);
  if (owner !== undefined && owner !== asking.site) return refused(`${id} is managed by ${owner}`);
  if (isSet(siteId) && siteId !== asking.site) return refused(`${id} belongs to ${siteId}`);
  if (machine !== undefined && machine !== asking.machine && asking.tokenHost !== id) {
    return refused(`${id} is enrolled already, by another machine: a token for ${id} itself would replace it`);
  }
  return { is: "known", id, claim: !isSet(siteId) };
}

function find(asking: Asking, candidates: readonly Candidate[]): Candidate | string | undefined {
  const { tokenHost, machine } = asking;
  if (tokenHost !== undefined) {
    return candidates.find(({ id }) => id === tokenHost) ?? `the token is for ${tokenHost}, which is not held here`;
  }
  return candidates.find((host) => host.machine === machine) ?? byIdentity(asking, candidates);
}

function byIdentity(asking: Asking, candidates: readonly Candidate[]): Candidate | string | undefined {
  const [uuid, serial] = [realUuid(asking.uuid), realSerial(asking.serialNumber)];
  const sameUuid = uuid && candidates.find((host) => realUuid(host.uuid) === uuid);
  if (sameUuid) {
    const registered = realSerial(sameUuid.serialNumber);
    if (serial === undefined || registered === undefined || registered === serial) return sameUuid;
    return `${sameUuid.id} has this UUID and another serial number, ${registered}`;
  }
  if (serial === undefined) return undefined;
  // A UUID made from the machine-id changes with every installation, so it contradicts nothing.
  const firm = asking.uuidDerived ? undefined : uuid;
  const sameSerial = candidates.filter((host) => realSerial(host.serialNumber) === serial);
  const fitting = sameSerial.filter((host) => firm === undefined || realUuid(host.uuid) === undefined);
  const [only, second] = fitting;
  if (second) return `several hosts have the serial number ${serial}: a token for one of them decides`;
  if (only) return only;
  const other = sameSerial[0];
  return other && `${other.id} has this serial number and another UUID, ${other.uuid}`;
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== "";
}

function refused(reason: string): Match {
  return { is: "refused", reason };
}
