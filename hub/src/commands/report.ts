import { audit, type Transaction } from "@holdfast/inventory";
import { type CommandEntry, Host, isHostId } from "@holdfast/protocol";
import { Fault, hours } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { unauthorised } from "../tokens/authorise.ts";
import { actorAt, authorAt } from "../uplink/actor.ts";
import { keepEvent } from "../uplink/events.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import { advance, commandById } from "./book.ts";
import type { CommandRow } from "./tables.ts";

/** Nobody may give a command for longer, whatever the clock of a site says. */
const LASTS_AT_MOST = hours(24);

interface Reported {
  readonly entry: CommandEntry;
  readonly origin: Origin;
}

/**
 * Takes what a site says of a command: one that the hub gave it, or one that was given there. What it says never leads
 * back; the site's word on the end outdoes what the hub had to suppose.
 */
export async function report(tx: Transaction, { entry, origin }: Reported): Promise<Applied> {
  const { id, hostId, status, reason, given } = entry;
  const row = await commandById(tx, id);
  if (!row) return given ? takeGiven(tx, { entry, origin }) : takeUnknown(tx, { entry, origin });
  if (row.site !== origin.site) throw new Fault("PermissionDenied", `${id} was not given to ${origin.site}`);
  if (row.host !== hostId) throw new Fault("InvalidArgument", `hostId: ${id} is about ${row.host}, not ${hostId}`);
  if (isAhead(status, row)) {
    await advance(tx, row, { status, reason: joined(doubtIn(row), reason), by: "site", now: origin.now });
    return { result: "applied" };
  }
  return row.status === status ? { result: "applied" } : { result: "applied", reason: `it is ${row.status} already` };
}

/** Whether a report leads on from what is known. */
function isAhead(status: CommandEntry["status"], row: Pick<CommandRow, "status" | "ended_by">): boolean {
  if (row.ended_by === "site") return false;
  return status !== "started" || row.status === "pending";
}

/** An operator gave it at the site: it is done or begun by now, so there is nothing to refuse, only something to show. */
async function takeGiven(tx: Transaction, { entry, origin }: Reported): Promise<Applied> {
  const { id, hostId, status, given, reason } = entry;
  const { site, tenant, now, stream } = origin;
  if (!given) throw new TypeError("a command that nobody gave");
  const { command, actor, token, issuedAt, notAfter } = given;
  if (!/^command-[0-9a-f]{16}$/.test(id)) throw new Fault("InvalidArgument", `id: ${id} is no id of a command`);
  if (!isHostId(hostId)) throw new Fault("InvalidArgument", "hostId: is no id of a host");
  // One that the hub does not know yet was made at the site, and is told of after this.
  const host = await tx.get(Host, tenant, hostId);
  if (host && host.owner !== site) return keepReport(tx, { entry, origin }, `${site} does not manage ${hostId}`);
  const doubt = await unauthorised(tx, { token, tenant, at: issuedAt, needs: "power" });
  const row: CommandRow = {
    ...{ id, tenant, host: hostId, site, incarnation: stream.incarnation, command: command.slice(0, 64) },
    ...{ status, reason: joined(doubt && `${DOUBT}${doubt}`, reason) ?? null },
    ended_by: status === "started" ? null : "site",
    // With no end it would be waited for without end.
    ...{ actor: actorAt(site, actor), issued_at: issuedAt },
    not_after: Math.min(notAfter, now + LASTS_AT_MOST),
    ...{ updated_at: now, seq: null },
  };
  await tx.tables<HubTables>().insertInto("command").values(row).execute();
  const after = { hostId, command: row.command, notAfter: row.not_after };
  const by = authorAt(site, { ...given, at: issuedAt });
  await audit(tx, { by, at: now, tenant, kind: "command", id, operation: "create", after });
  return { result: "applied", ...(doubt === undefined ? {} : { reason: doubt }) };
}

/** Of a command that only an earlier life of the hub knew, as far as it is told here. */
function takeUnknown(tx: Transaction, reported: Reported): Promise<Applied> {
  return keepReport(tx, reported, "the hub does not know the command: kept as history");
}

/** Keeps as history what changes nothing. */
async function keepReport(tx: Transaction, { entry, origin }: Reported, why: string): Promise<Applied> {
  const { id, hostId: subject, at, status, reason } = entry;
  const detail = { command: id, status, ...(reason === undefined ? {} : { reason }) };
  const event = { type: "event", id, kind: "host", subject, event: "command-reported", at, detail } as const;
  await keepEvent(tx, { site: origin.site, entry: event, now: origin.now });
  return { result: "applied", reason: why };
}

/** Begins what is said of a command whose author the hub would not have let (rule 6). */
const DOUBT = "not authorised at the hub: ";

function doubtIn({ reason }: CommandRow): string | undefined {
  return reason?.startsWith(DOUBT) ? reason.split("; ")[0] : undefined;
}

function joined(...reasons: readonly (string | undefined)[]): string | undefined {
  return reasons.filter((reason) => reason !== undefined && reason !== "").join("; ") || undefined;
}
