import type { View } from "@holdfast/inventory";
import type { Generated, Kysely } from "kysely";

/** What the site-node keeps in `site.db` beside the inventory's own tables, written in the same transactions. */
export interface SiteTables {
  /**
   * How far each followed scope has got; `-1` is a position from which it is followed anew while what is there serves on.
   * `reached`: it has been heard since the phase asked for it. `receipt` is the hub's signature of `receipt_seq`.
   */
  replica_position: {
    scope: string;
    handle: string;
    position: string;
    seq: number;
    at: number;
    reached: Generated<number>;
    receipt: Generated<string | null>;
    receipt_seq: Generated<number | null>;
  };
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
  /** What was wanted at this site; `field` is null for a creation, empty for a deletion. An `outcome` is what the hub said of it. */
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
    scope: string | null;
    seq: number | null;
    token: Generated<string | null>;
    /** Address and request, as JSON. */
    asked_from: Generated<string | null>;
    resolves: Generated<string | null>;
    bound: Generated<number>;
  };
  /** Deletions that hub and site show, as they were sent; numbered as they were journalled. */
  deleted_here: { number: number; id: string; entry: string };
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
  /** The hold that an operator released at this site last, while the hub may not know it yet. */
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
  /** `body` is the feed row that asked for it as it was then, `conflicts` what was open about it: JSON by conflict's id. */
  released: {
    kind: string;
    id: string;
    reason: string;
    stamp: string;
    seq: number;
    body: Generated<string | null>;
    conflicts: Generated<string | null>;
  };
  /**
   * This site's own newest word on who may speak for a host; `hash` is null when nobody may. `seq` is how far the hub's feed
   * had got when it took the word, null until it has: older rows of the feed know nothing of it.
   */
  credential_word: { host: string; hash: string | null; machine: string; at: number; seq: number | null };
  /** Observations that the hub could not take, and when it was last asked to. */
  refused_state: { kind: string; id: string; reason: string; since: number; asked_at: number };
  /**
   * What became of commands. `given_here` is 1 for one that was given at this site; `told_epoch` is the life of the hub that
   * was last told of the status.
   */
  command_journal: {
    id: string;
    host: string;
    command: string;
    status: string;
    reason: string | null;
    actor: string;
    token: string | null;
    asked_from: Generated<string | null>;
    issued_at: number;
    not_after: number;
    updated_at: number;
    given_here: number;
    incarnation: number;
    told_epoch: string | null;
  };
  /** What was done to a host at this site: `seq` is how far the hub's feed had got when it knew, null until it does. */
  local_act: { host: string; act: string; seq: number | null };
  /** The last order to switch a host off; `outcome` is null until it is known. */
  host_power: {
    host: string;
    id: string;
    session: string;
    at: number;
    tries: number;
    outcome: string | null;
    reason: string | null;
  };
  /** The last write with a time limit whose desired power state the site has acted on, by host. */
  power_begun: { host: string; write: string };
  /** The newest manifest that this site has admitted, by what has one order of sequences. */
  admitted_manifest: { line: string; sequence: number; version: string; manifest_hash: string };
  counter: { name: string; value: number };
}

export function siteTables(view: View): Kysely<SiteTables> {
  return view.tables<SiteTables>();
}
