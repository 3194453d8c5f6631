import type { View } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol";
import { type HeldHost, observedAtOf, renamedTo, type Told } from "./backlog.ts";

interface HubTables {
  readonly event: { readonly site: string; readonly id: string };
  readonly intent_outcome: { readonly site: string; readonly intent: string; readonly outcome: string };
  readonly quarantine: { readonly site: string };
  readonly uplink_stream: { readonly site: string; readonly cursor: number };
}

export interface Sent {
  readonly site: string;
  readonly tenant: string;
  readonly hosts: readonly HeldHost[];
  /** What was told after each absence, the first one first. */
  readonly told: readonly Told[];
}

/**
 * What differs at the hub from what a site sent, in words; empty when each entry has arrived once and once only, what could
 * not be applied is set aside, and nothing else is. Looked up in the hub's tables, not asked of the code that fills them.
 */
export async function differences(view: View, { site, tenant, hosts, told }: Sent): Promise<string[]> {
  const tables = view.tables<HubTables>();
  const found: string[] = [];
  const compare = (what: string, there: unknown, sent: unknown) => {
    if (JSON.stringify(there) !== JSON.stringify(sent)) {
      found.push(`${site}: ${what}: ${short(there)} at the hub, ${short(sent)} sent`);
    }
  };
  const events = await tables
    .selectFrom("event")
    .select("id")
    .where("site", "=", site)
    .orderBy("number" as "id")
    .execute();
  compare(
    "events",
    events.map(({ id }) => id),
    told.flatMap((absence) => absence.events),
  );
  const intents = await tables
    .selectFrom("intent_outcome")
    .select(["intent", "outcome"])
    .where("site", "=", site)
    .execute();
  const applied = intents.filter(({ outcome }) => JSON.parse(outcome).result === "applied");
  compare(
    "intents applied",
    applied.map(({ intent }) => intent).toSorted(),
    told.flatMap((absence) => absence.intents).toSorted(),
  );
  const quarantined = await tables.selectFrom("quarantine").select("site").where("site", "=", site).execute();
  compare("entries set aside", quarantined.length, sum(told.map(({ poison }) => poison)));
  const stream = await tables.selectFrom("uplink_stream").select("cursor").where("site", "=", site).executeTakeFirst();
  compare("cursor", Number(stream?.cursor ?? 0), sum(told.map(({ entries }) => entries)));
  const held = await view.getMany(
    Host,
    tenant,
    hosts.map(({ id }) => id),
  );
  const last = told.length;
  const renamed = told.at(-1)?.intents.length ?? 0;
  for (const [number, { id }] of hosts.entries()) {
    const host = held.get(id);
    compare(`state of ${id} of`, host?.observedAt, observedAtOf({ number: last }));
    if (number >= renamed) continue;
    compare(`name of ${id}`, host?.fields.name, renamedTo(last, number));
    compare(`generation of ${id}`, host?.generation, 1 + last);
  }
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return Array.isArray(value) ? `${value.length} ${text.slice(0, 80)}` : text;
}
