import type { View } from "@holdfast/inventory";
import { kindNamed, RECOVERY_SINCE } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import { quarantined } from "../uplink/quarantine.ts";

/** How many of a site's refused entries are looked through, the newest. */
const LOOKED_AT = 100;

/**
 * What a hub that has lost history has heard of a site (rule 20): `telling`, it has not said yet all that it holds; `told`; or
 * `unable`, it speaks a version of the protocol that cannot say so, and what the hub lost of it is lost (rule 23).
 */
export interface Account {
  readonly state: "telling" | "told" | "unable";
  /** Milliseconds since the epoch, hub's clock; undefined until it has told. */
  readonly at: number | undefined;
  /** Machines that the site has in this life of the hub, and the hub does not know. */
  readonly unknown: readonly { readonly kind: string; readonly id: string; readonly at: number }[];
}

/** Undefined while the hub is in its first life, which has lost nothing. */
export async function accountOf(
  view: View,
  { site, tenant, protocol }: { readonly site: string; readonly tenant: string; readonly protocol: number | undefined },
): Promise<Account | undefined> {
  const epoch = await view.setting("epoch");
  const lineage = await view.setting("lineage");
  if (epoch === undefined || lineage === undefined || (JSON.parse(lineage) as string[]).length < 2) return undefined;
  const told = await view
    .tables<HubTables>()
    .selectFrom("site_recovery")
    .select("at")
    .where("site", "=", site)
    .where("epoch", "=", epoch)
    .executeTakeFirst();
  const isUnable = protocol !== undefined && protocol < RECOVERY_SINCE;
  return {
    state: told ? "told" : isUnable ? "unable" : "telling",
    at: told && Number(told.at),
    unknown: await unknownOf(view, { site, tenant, epoch }),
  };
}

/** State never creates a row (rule 15): of a machine that the hub does not know it was set aside. */
async function unknownOf(
  view: View,
  { site, tenant, epoch }: { readonly site: string; readonly tenant: string; readonly epoch: string },
): Promise<Account["unknown"]> {
  const found = new Map<string, Account["unknown"][number]>();
  for (const row of await quarantined(view, site, LOOKED_AT)) {
    const state = row.epoch === epoch ? stateIn(row.entry) : undefined;
    if (!state || found.has(state.id) || (await view.get(state.kind, tenant, state.id))) continue;
    found.set(state.id, { kind: state.kind.name, id: state.id, at: Number(row.at) });
  }
  return [...found.values()];
}

/** Read from the beginning of its text, which is all that is kept of a long one. */
function stateIn(entry: string) {
  const [, name = "", id = ""] = /^\{"type":"state","kind":"(\w{1,64})","id":"([\w-]{1,64})"/.exec(entry) ?? [];
  const kind = kindNamed(name);
  return kind && { kind, id };
}
