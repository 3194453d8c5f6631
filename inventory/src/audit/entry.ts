import { hash } from "node:crypto";
import type { Change } from "../store/contract.ts";
import { canonicalJson } from "./canonical-json.ts";

/** The tenant of what concerns the hub as a whole: users, tokens for every project, lives of the hub. */
export const HUB_WIDE = "";

/** What an entry of the log follows. Hashes are hex; empty where nothing came before. */
export interface Links {
  /** The hash of the entry before it of the same project. */
  readonly previous: string;
  /** The hash of the entry before it of whatever project. */
  readonly previousInHub: string;
}

/** An entry of the log as it is shown, exported and hashed. Its fields and their texts are for ever: hashes rest on them. */
export interface AuditEntry extends Links {
  readonly seq: number;
  readonly at: string;
  /** Empty for what concerns the hub as a whole. */
  readonly projectId: string;
  readonly actor: string;
  readonly kind: string;
  readonly resourceId: string;
  readonly operation: Change["operation"];
  readonly before: Change["before"];
  readonly after: Change["after"];
  readonly write?: string;
  readonly tokenId?: string;
  readonly address?: string;
  readonly requestId?: string;
  /** When it was wanted at a site, by the site's clock. */
  readonly wantedAt?: string;
  /** SHA-256, hex, of the canonical JSON of all the other fields. */
  readonly hash: string;
}

/** A change as an entry of the log that follows others, with its hash. */
export function entryOf(change: Change, { previous, previousInHub }: Links): AuditEntry {
  const { seq, at, tenant: projectId, actor, kind, id: resourceId, operation, before, after } = change;
  const { write, token, address, request, wantedAt } = change;
  const told = {
    ...{ seq, at: new Date(at).toISOString(), projectId, actor, kind, resourceId, operation, before, after },
    ...(write === undefined ? {} : { write }),
    ...(token === undefined ? {} : { tokenId: token }),
    ...(address === undefined ? {} : { address }),
    ...(request === undefined ? {} : { requestId: request }),
    ...(wantedAt === undefined ? {} : { wantedAt: new Date(wantedAt).toISOString() }),
    ...{ previous, previousInHub },
  };
  return { ...told, hash: hashOf(told) };
}

/** The hash that an entry must have. */
export function hashOf(told: Omit<AuditEntry, "hash">): string {
  return hash("sha256", canonicalJson(told));
}
