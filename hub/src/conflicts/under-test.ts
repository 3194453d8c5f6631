import { type ConflictBody, siteScope } from "@holdfast/protocol";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";

export const HOSTS = "/v1/projects/default/compute/hosts";
export const CONFLICTS = "/v1/projects/default/conflicts";

/** A hub with a site, and one host there. */
export async function startWithHost() {
  const hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  const id: string = (await hub.ask("POST", HOSTS, { name: "first", siteId: site.id })).body.resourceId;
  return { hub, site, sender, id };
}

/** An edit as a site sends it, of the name of a host unless told otherwise. */
export function edit(intent: string, id: string, base: string, more: object = {}) {
  const author = { actor: "operator:bob", at: 1_000 };
  return { type: "edit", intent, kind: "host", id, field: "name", base, value: `by ${intent}`, ...author, ...more };
}

/** The id of the stamp that a field has, as its site's feed says. */
export async function stampOf(hub: TestHub, site: TestSite, id: string, field = "name"): Promise<string> {
  const row = (await feedRows(hub, site)).find((each) => each.kind === "host" && each.id === id);
  return JSON.parse(row?.body ?? "{}").stamps[field].id;
}

/** The rows of a site's own feed. */
export async function feedRows(hub: TestHub, { id }: Pick<TestSite, "id">) {
  return (await hub.hub.store.read((view) => view.feed(siteScope(id), 0, 1_000))).rows;
}

/** The conflicts that a site's own feed shows, by id. */
export async function conflictsAt(hub: TestHub, site: Pick<TestSite, "id">): Promise<Map<string, ConflictBody>> {
  const rows = (await feedRows(hub, site)).filter(({ kind, body }) => kind === "conflict" && body !== null);
  return new Map(rows.map(({ id, body }) => [id, JSON.parse(body ?? "") as ConflictBody]));
}

/** The rows of one of the hub's own tables. */
export function rowsOf(hub: TestHub, table: keyof HubTables): Promise<Record<string, unknown>[]> {
  return hub.hub.store.read((view) => {
    const tables = view.tables<Record<string, Record<string, unknown>>>();
    return tables.selectFrom(table).selectAll().execute();
  });
}
