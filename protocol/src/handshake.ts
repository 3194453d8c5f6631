/**
 * Every link opens with the version and the capabilities of the one that calls; the one that answers decides. Upgrades
 * go hub first, then sites, then agents, so the answering side is never the older one for long.
 */
export const PROTOCOL_VERSION = 2;

/** How many versions behind its own the answering side still serves. */
export const SERVED_BEHIND = { site: 2, agent: 3 } as const;

export const PROTOCOL_HEADER = "holdfast-protocol";
export const CAPABILITIES_HEADER = "holdfast-capabilities";

export interface Offer {
  readonly version: number;
  readonly capabilities: readonly string[];
}

export type Handshake =
  | { readonly accepted: true; readonly version: number; readonly capabilities: readonly string[] }
  | { readonly accepted: false; readonly reason: string };

/** What two sides can speak together, or why they cannot. Capabilities are those that both have. */
export function shakeHands(ours: Offer, theirs: Offer, peer: keyof typeof SERVED_BEHIND): Handshake {
  if (!Number.isInteger(theirs.version) || theirs.version < 1) {
    return { accepted: false, reason: `${PROTOCOL_HEADER}: "${theirs.version}" is not a protocol version` };
  }
  const oldest = Math.max(1, ours.version - SERVED_BEHIND[peer]);
  if (theirs.version > ours.version) {
    return {
      accepted: false,
      reason: `this ${peer} speaks protocol ${theirs.version}, newest known here is ${ours.version}: upgrade the hub first, then sites, then agents`,
    };
  }
  if (theirs.version < oldest) {
    return {
      accepted: false,
      reason: `this ${peer} speaks protocol ${theirs.version}, oldest served here is ${oldest}: upgrade the ${peer}`,
    };
  }
  const capabilities = theirs.capabilities.filter((capability) => ours.capabilities.includes(capability));
  return { accepted: true, version: theirs.version, capabilities };
}

/** The headers that open a link over HTTP; who is capable of nothing more does not say so. */
export function offerHeaders({ version, capabilities }: Offer): Record<string, string> {
  const more = capabilities.length > 0 ? { [CAPABILITIES_HEADER]: capabilities.join(",") } : {};
  return { [PROTOCOL_HEADER]: String(version), ...more };
}

/** The offer in a request's headers; a caller that names no version is taken at version 0, which nobody serves. */
export function offerFromHeaders(headers: Record<string, string | string[] | undefined>): Offer {
  const version = Number(headers[PROTOCOL_HEADER] ?? 0);
  const listed = String(headers[CAPABILITIES_HEADER] ?? "");
  return { version, capabilities: listed.split(",").filter((name) => name !== "") };
}
