import { type Offer, offerFromHeaders } from "@holdfast/protocol";
import type { FastifyRequest } from "fastify";
import { siteOf, versionRefusal } from "../tokens/bearer.ts";
import type { SiteBearer, Tokens } from "../tokens/tokens.ts";
import type { Contacts } from "./contacts.ts";

/** Where sites come in: whoever does is heard, whoever is turned away for its version is remembered with the reason. */
export interface Door {
  /** Why the caller's version cannot be served; undefined when it can (rule 23). */
  refusalOf(request: FastifyRequest): Promise<string | undefined>;
  /** The site that asks. Throws Unauthenticated without a good token, PermissionDenied for an operator's. */
  siteOf(request: FastifyRequest): Promise<SiteBearer>;
}

export interface DoorParts {
  readonly tokens: Pick<Tokens, "bearer">;
  readonly contacts: Pick<Contacts, "heard" | "refused">;
  /** What the hub offers to sites. */
  readonly offer: Offer;
}

export function createDoor({ tokens, contacts, offer }: DoorParts): Door {
  return {
    async refusalOf(request) {
      const reason = versionRefusal(request, offer);
      if (reason === undefined) return undefined;
      // A stranger is told the same, and leaves nothing behind.
      const caller = await siteOf(tokens, request).catch(() => undefined);
      if (caller) contacts.refused(caller.site, { protocol: offerFromHeaders(request.headers).version, reason });
      return reason;
    },
    async siteOf(request) {
      const caller = await siteOf(tokens, request);
      contacts.heard(caller.site, offerFromHeaders(request.headers).version);
      return caller;
    },
  };
}
