import type { Migration } from "kysely/migration";
import { type CommandRow, commandTable } from "./commands/tables.ts";
import {
  type ClosedConflictRow,
  type ConflictValueRow,
  conflictTables,
  firstConflictTable,
  type OpenConflictRow,
} from "./conflicts/tables.ts";
import { contactTable, type SiteContactRow } from "./contacts/tables.ts";
import { together } from "./create-table.ts";
import { credentialTable, type HostCredentialRow } from "./credentials/tables.ts";
import { type RecoveryClaimRow, recoveryClaimTable } from "./disaster/tables.ts";
import { type FeedMarkRow, feedMarkTable } from "./feeds/tables.ts";
import { type ArrivalRow, type HostAliasRow, handoverTables } from "./handover/tables.ts";
import { type HoldRow, holdTable } from "./holds/tables.ts";
import {
  type RecoveryWaitingRow,
  recoveryWaitingTable,
  type SiteRecoveryRow,
  siteRecoveryTable,
} from "./recovery/tables.ts";
import {
  type EndedSessionRow,
  type SigninFailureRow,
  signinTables,
  type UserRoleRow,
  type UserRow,
} from "./signin/tables.ts";
import { type OrganisationRow, type ProjectRow, type ProjectStepRow, tenancyTables } from "./tenants/tables.ts";
import {
  accessColumns,
  type EnrolmentRow,
  type GivenBackRow,
  givenBackTable,
  type ManagedFieldRow,
  serviceTokenColumns,
  type TokenRow,
  tokenTables,
} from "./tokens/tables.ts";
import {
  type EventRow,
  type IdBlockRow,
  type IntentOutcomeRow,
  type QuarantineRow,
  type UplinkStreamRow,
  uplinkTables,
} from "./uplink/tables.ts";

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
  readonly managed_field: ManagedFieldRow;
  readonly signin_user: UserRow;
  readonly signin_role: UserRoleRow;
  readonly signin_failure: SigninFailureRow;
  readonly signin_ended: EndedSessionRow;
  readonly organisation: OrganisationRow;
  readonly project: ProjectRow;
  readonly project_step: ProjectStepRow;
}

/** The hub's migrations, by name. A name and what it does are for ever; what comes later is a migration of its own. */
export const HUB_MIGRATIONS: Readonly<Record<string, Migration>> = {
  "hub-0001-tokens": tokenTables,
  "hub-0002-uplink": together(uplinkTables, firstConflictTable),
  "hub-0003-feed-marks": feedMarkTable,
  "hub-0004-streams": together(siteRecoveryTable, holdTable),
  "hub-0005-conflicts": conflictTables,
  "hub-0006-commands": commandTable,
  "hub-0007-credentials": credentialTable,
  "hub-0008-contacts": contactTable,
  "hub-0009-handover": handoverTables,
  "hub-0010-recovery": recoveryWaitingTable,
  "hub-0011-access": accessColumns,
  "hub-0012-recovery-claims": recoveryClaimTable,
  "hub-0013-given-back": givenBackTable,
  "hub-0014-signin": signinTables,
  "hub-0015-tenancy": tenancyTables,
  "hub-0016-service-tokens": serviceTokenColumns,
};
