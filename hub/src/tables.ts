import type { Migration } from "kysely/migration";
import { type CommandRow, commandTable } from "./commands/table.ts";
import {
  type ClosedConflictRow,
  type ConflictValueRow,
  conflictTables,
  type OpenConflictRow,
} from "./conflicts/tables.ts";
import { contactTable, type SiteContactRow } from "./contacts/table.ts";
import { credentials } from "./credentials/migration.ts";
import { type RecoveryClaimRow, recoveryClaims } from "./disaster/claims-table.ts";
import { feedMarks, tokens, uplink } from "./first-tables.ts";
import { type ArrivalRow, type HostAliasRow, handoverTables } from "./handover/tables.ts";
import { recovery } from "./recovery/migration.ts";
import { accessColumns } from "./tokens/access.ts";
import { type GivenBackRow, givenBackTable } from "./tokens/given-back.ts";
import { streams } from "./uplink/migration.ts";

/** The hub's own tables, beside the inventory's in the same database. Times are milliseconds since the epoch. */
export interface HubTables {
  readonly arrival: ArrivalRow;
  readonly host_alias: HostAliasRow;
  readonly token: TokenRow;
  readonly token_given_back: GivenBackRow;
  readonly enrolment: EnrolmentRow;
  readonly uplink_stream: UplinkStreamRow;
  readonly quarantine: QuarantineRow;
  readonly event: EventRow;
  readonly open_conflict: OpenConflictRow;
  readonly conflict_value: ConflictValueRow;
  readonly closed_conflict: ClosedConflictRow;
  readonly command: CommandRow;
  readonly id_block: IdBlockRow;
  readonly intent_outcome: IntentOutcomeRow;
  readonly feed_mark: FeedMarkRow;
  readonly site_recovery: SiteRecoveryRow;
  readonly hub_hold: HoldRow;
  readonly host_credential: HostCredentialRow;
  readonly recovery_waiting: RecoveryWaitingRow;
  readonly recovery_claim: RecoveryClaimRow;
  readonly site_contact: SiteContactRow;
}

/** An operator's token has a role and tenants; a site's token has its site. */
export interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly role: "read" | "write" | "site";
  /** JSON: `"all"`, or the ids of the tenants that it opens. */
  readonly tenants: string;
  readonly site: string | null;
  readonly created_at: number;
  readonly not_after: number | null;
  readonly revoked_at: number | null;
  /** For how long after the hub was last heard a site takes an operator's token. */
  readonly offline_seconds: number;
  /** JSON: ids of the tenants, and scopes of the sites, in whose feeds it stands. */
  readonly shown: string;
  /** The site that gave it back first to a hub that had lost it: it opens there what operators have confirmed. */
  readonly recovered_from: string | null;
}

/** A one-time enrolment token that stands in a site's feed. */
export interface EnrolmentRow {
  readonly id: string;
  readonly tenant: string;
  readonly site: string;
  readonly not_after: number;
}

/** The life of a site that the hub follows now, and the last batch of it. */
export interface UplinkStreamRow {
  readonly site: string;
  readonly epoch: string;
  readonly incarnation: number;
  readonly cursor: number;
  readonly last_hash: string;
  readonly last_reply: string;
  readonly last_at: number;
}

/** An entry that could not be applied, with its reason. */
export interface QuarantineRow {
  readonly site: string;
  readonly number: number;
  readonly epoch: string;
  readonly incarnation: number;
  readonly seq: number;
  readonly at: number;
  readonly reason: string;
  readonly entry: string;
}

export interface EventRow {
  readonly site: string;
  readonly number: number;
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly event: string;
  /** By the site's clock, which may be wrong: shown, never used for order. */
  readonly reported_at: number;
  readonly received_at: number;
  readonly detail: string | null;
}

/** Numbers of ids that were lent to a site: nobody else may use them (rule 16). */
export interface IdBlockRow {
  readonly first: number;
  readonly count: number;
  readonly site: string;
  readonly epoch: string;
  readonly incarnation: number;
}

/** What became of a local intent, for one that comes again in another life of its site (rule 7). */
export interface IntentOutcomeRow {
  readonly site: string;
  readonly intent: string;
  readonly number: number;
  /** JSON. */
  readonly outcome: string;
}

/** How far the feeds of all scopes had got at some time. */
export interface FeedMarkRow {
  readonly at: number;
  readonly seq: number;
}

/** In which life of the hub a site has last told all that it holds. */
export interface SiteRecoveryRow {
  readonly site: string;
  readonly epoch: string;
  readonly at: number;
}

/** Nothing disruptive is done at a site until an operator says so. */
export interface HoldRow {
  readonly site: string;
  readonly hold: string;
  readonly tenant: string;
  readonly reason: string;
  readonly since: number;
}

/** By what the machine of a host is known: the hash of its secret. */
export interface HostCredentialRow {
  readonly tenant: string;
  readonly host: string;
  readonly hash: string;
  readonly machine: string;
  readonly at: number;
}

/** A row that a site holds and that could not be taken back yet. */
export interface RecoveryWaitingRow {
  readonly site: string;
  readonly kind: string;
  readonly id: string;
  readonly epoch: string;
  readonly number: number;
  /** JSON. */
  readonly entry: string;
}

/** The hub's migrations, by name. A name and what it does are for ever; what comes later is a migration of its own. */
export const HUB_MIGRATIONS: Readonly<Record<string, Migration>> = {
  "hub-0001-tokens": tokens,
  "hub-0002-uplink": uplink,
  "hub-0003-feed-marks": feedMarks,
  "hub-0004-streams": streams,
  "hub-0005-conflicts": conflictTables,
  "hub-0006-commands": commandTable,
  "hub-0007-credentials": credentials,
  "hub-0008-contacts": contactTable,
  "hub-0009-handover": handoverTables,
  "hub-0010-recovery": recovery,
  "hub-0011-access": accessColumns,
  "hub-0012-recovery-claims": recoveryClaims,
  "hub-0013-given-back": givenBackTable,
};
