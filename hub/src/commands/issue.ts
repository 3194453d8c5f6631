import { randomBytes } from "node:crypto";
import { audit, missing, type Transaction } from "@holdfast/inventory";
import type { NewCommand } from "@holdfast/inventory/api/commands";
import { isBeingDeleted } from "@holdfast/inventory/authority/desired-state";
import { type CommandBody, Host, ROW, siteScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { CommandRow } from "./tables.ts";

/**
 * Gives a command to the site that manages the host, for its present life and until `notAfter`. Throws NotFound,
 * FailedPrecondition when there is nobody who could carry it out, InvalidArgument for a time that is over.
 */
export async function issue(tx: Transaction, wanted: NewCommand, now: number): Promise<CommandRow> {
  const { tenant, hostId, command, notAfter, actor } = wanted;
  const host = await tx.get(Host, tenant, hostId);
  if (!host) throw missing(Host);
  const refuse = (why: string) => new Fault("FailedPrecondition", `host_resource ${hostId}: ${why}`);
  if (isBeingDeleted(Host, host.fields)) throw refuse("is being deleted");
  if (host.owner === undefined) throw refuse("no site manages it, so nobody could carry a command out");
  if (!Number.isSafeInteger(notAfter) || notAfter <= now) {
    throw new Fault("InvalidArgument", "notAfter: must be a time to come");
  }
  const stream = await tx
    .tables<HubTables>()
    .selectFrom("uplink_stream")
    .select("incarnation")
    .where("site", "=", host.owner)
    .executeTakeFirst();

  const id = `command-${randomBytes(8).toString("hex")}`;
  // Of a site that has never spoken: its first life is a later one, and ends the command (rule 17).
  const incarnation = stream?.incarnation ?? 0;
  const body: CommandBody = { tenant, hostId, command, incarnation, issuedAt: now, notAfter, actor };
  const seq = await tx.appendFeed(siteScope(host.owner), ROW.command, id, body);
  const row: CommandRow = {
    ...{ id, tenant, host: hostId, site: host.owner, incarnation, command, actor, seq },
    ...{ status: "pending", reason: null, ended_by: null },
    ...{ issued_at: now, not_after: notAfter, updated_at: now },
  };
  await tx.tables<HubTables>().insertInto("command").values(row).execute();
  const after = { hostId, command, notAfter };
  await audit(tx, { by: wanted, at: now, tenant, kind: "command", id, operation: "create", after });
  return row;
}
