import { FieldFault, type Transaction, validateFields } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { siteTables } from "../database/tables.ts";
import { realSerial, realUuid } from "../enrolment/machine-identity.ts";
import type { Intents } from "../intents/intents.ts";
import { byteLength, type Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { HARDWARE_FIELDS, type HardwareFields, observationFrom } from "./observation.ts";
import { observe, type Seen } from "./observe.ts";
import { mismatch } from "./statuses.ts";

/** The most that a host's hardware may take of an entry for the hub, which holds more than the hardware. */
export const MAX_HARDWARE_BYTES = 192 * 1024;

export interface ReportContext {
  readonly outbox: Outbox;
  readonly intents: Intents;
  readonly of: ReplicaOf;
  readonly now: number;
}

/**
 * Takes a machine's hardware report. What it shows already is not written again; who the machine is gets completed
 * where nobody has said it, and is never overwritten. Returns why it was set aside, if it was.
 */
export async function takeReport(
  transaction: Transaction,
  context: ReportContext,
  { id, report }: { id: string; report: HardwareReport },
): Promise<string | undefined> {
  const { outbox, of, now } = context;
  const host = await transaction.get(Host, of.tenant, id);
  // Of a host that is not this site's, nothing is shown and nothing remembered: what it says is asked for later.
  if (host?.owner !== of.site) return undefined;
  const hardware = observationFrom(report);
  const fault = faultIn(hardware);
  if (fault !== undefined) return fault;

  const contradiction = contradictionOf(host, report);
  await completeIdentity(transaction, context, host, report);
  const all: Record<string, unknown> = { ...hardware };
  const fields = Object.fromEntries(HARDWARE_FIELDS.map((name) => [name, all[name]])) as Seen["fields"] & object;
  const statuses = contradiction ? { registrationStatus: mismatch(contradiction.of, contradiction.reported) } : {};
  await observe(transaction, { outbox, of, now }, { id, seen: { fields, statuses } });
  await noteReport(transaction, context, { id, hash: report.hash, contradiction });
  return undefined;
}

/** Why the hub would not take this hardware, naming the field: it would set aside all that is said of the host, then. */
function faultIn(hardware: HardwareFields): string | undefined {
  const size = byteLength(JSON.stringify(hardware));
  if (size > MAX_HARDWARE_BYTES) return `hardware of ${size} bytes, at most ${MAX_HARDWARE_BYTES} are taken`;
  const forbidden = Object.entries(hardware).find(([, value]) => holdsForbiddenText(JSON.stringify(value)));
  if (forbidden) return `${forbidden[0]}: holds a forbidden text`;
  try {
    validateFields(Host, hardware, { who: "site", on: "update" });
  } catch (error) {
    if (error instanceof FieldFault) return error.message;
    throw error;
  }
  return undefined;
}

/** In JSON: a NUL, which no database of ours is sure to store, and a name that would change the object it is put into. */
function holdsForbiddenText(json: string): boolean {
  return json.includes("\\u0000") || json.includes('"__proto__"');
}

interface Contradiction {
  readonly of: "Serial Number" | "UUID";
  readonly reported: string;
}

/** Where the machine says that it is another than the one registered. */
export function contradictionOf(
  { fields }: Pick<Resource<typeof Host>, "fields">,
  { system }: Pick<HardwareReport, "system">,
): Contradiction | undefined {
  const [serial, registeredSerial] = [realSerial(system?.serialNumber), realSerial(fields.serialNumber)];
  if (serial && registeredSerial && serial !== registeredSerial) return { of: "Serial Number", reported: serial };
  const [uuid, registeredUuid] = [realUuid(system?.uuid), realUuid(fields.uuid)];
  // A UUID made from the machine-id changes with every installation, so it contradicts nothing.
  if (uuid && registeredUuid && uuid !== registeredUuid && !system?.uuidDerived) return { of: "UUID", reported: uuid };
  return undefined;
}

async function completeIdentity(
  transaction: Transaction,
  { intents, of }: ReportContext,
  { resourceId: id, fields, owner }: Resource<typeof Host>,
  { system }: HardwareReport,
): Promise<void> {
  if (owner !== of.site || fields.desiredState === "HOST_STATE_DELETED") return;
  const actor = `host:${id}`;
  const [serial, uuid] = [realSerial(system?.serialNumber), realUuid(system?.uuid)];
  if (!fields.serialNumber && serial) await complete("serialNumber", serial);
  if (!fields.uuid && uuid) await complete("uuid", uuid);

  async function complete(field: "serialNumber" | "uuid", value: string): Promise<void> {
    await intents.edit(transaction, of, Host, { id, field, value, actor });
  }
}

async function noteReport(
  transaction: Transaction,
  { outbox }: ReportContext,
  { id, hash, contradiction }: { id: string; hash: string; contradiction: Contradiction | undefined },
): Promise<void> {
  const tables = siteTables(transaction);
  const stored = await tables.selectFrom("host_link").select("mismatch").where("host", "=", id).executeTakeFirst();
  const said = contradiction ? `${contradiction.of} ${contradiction.reported}` : null;
  const next = { report_hash: hash, mismatch: said };
  await tables
    .insertInto("host_link")
    .values({ host: id, liveness: JSON.stringify({ phase: "unheard" }), refusal: null, ...next })
    .onConflict((conflict) => conflict.column("host").doUpdateSet(next))
    .execute();
  if (contradiction && stored?.mismatch !== said) {
    const detail = { of: contradiction.of, reported: contradiction.reported };
    await outbox.event(transaction, { kind: "host", subject: id, event: "identity-contradicted", detail });
  }
}
