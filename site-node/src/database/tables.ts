import type { View } from "@holdfast/inventory";
import type { Generated, Kysely } from "kysely";

/** What the site-node keeps in `site.db` beside the inventory's own tables, written in the same transactions. */
export interface SiteTables {
  /** How far each followed scope has got. */
  replica_position: { scope: string; handle: string; position: string; seq: number; at: number };
  /**
   * The feed as it came. `body` is null for a row that is gone from the scope while something still refers to it;
   * `parked` says why the newest version is not applied yet.
   */
  replica_row: {
    scope: string;
    kind: string;
    id: string;
    seq: number;
    body: string | null;
    parked: string | null;
    parked_at: number | null;
  };
  /** What was wanted at this site; `field` is null for a creation. An `outcome` is what the hub said of it. */
  local_intent: {
    number: Generated<number>;
    id: string;
    kind: string;
    resource: string;
    field: string | null;
    base: string;
    value: string;
    actor: string;
    at: number;
    outcome: string | null;
    reason: string | null;
    scope: string | null;
    seq: number | null;
    token: Generated<string | null>;
    resolves: Generated<string | null>;
    bound: Generated<number>;
  };
  /** What the hub turned down, kept for people to see. */
  refused_intent: {
    number: Generated<number>;
    id: string;
    kind: string;
    resource: string;
    field: string | null;
    value: string;
    actor: string;
    at: number;
    result: string;
    reason: string | null;
    conflict: string | null;
  };
  /** Holds that an operator released at this site, while the hub may not know it yet. */
  hold_released: { hold: string; actor: string; at: number };
  /** Entries for the hub. Those with a `key` coalesce while unsealed; those without a `body` are made when sealed. */
  outbox: {
    number: Generated<number>;
    lane: number;
    key: string | null;
    body: string | null;
    sealed: number;
    added_at: number;
  };
  sealed_batch: { first: number; entries: number; hash: string; body: string; sealed_at: number };
  lent_id: { number: number };
  enrolment_used: { id: string; token_hash: string; machine: string; host: string; at: number };
  credential: { host: string; hash: string; machine: string; at: number };
  /** `mismatch` is what the machine says it is against its registration, `refusal` why its agent cannot be served. */
  host_link: {
    host: string;
    liveness: string;
    report_hash: string | null;
    mismatch: string | null;
    refusal: string | null;
  };
  /** Hosts whose machine has lost its credential and is still to be put out at the broker. */
  expulsion: { host: string; at: number };
  /** `reached` is what the machine said of this version: empty that it was applied, else why it could not be. */
  desired_document: {
    host: string;
    incarnation: number;
    counter: number;
    content: string;
    published: number;
    reached: string | null;
  };
  released: { kind: string; id: string; reason: string; stamp: string; seq: number };
  counter: { name: string; value: number };
}

export function siteTables(view: View): Kysely<SiteTables> {
  return view.tables<SiteTables>();
}
