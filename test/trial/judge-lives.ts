import type { HubTables } from "@holdfast/hub/tables";
import { assertSame } from "../world/agreement.ts";
import { PROJECT, type Trial } from "./trial.ts";

/**
 * Whatever is killed, cut off or full: without a disaster nothing is lost, so neither hub nor any site begins another life, and
 * no site is held.
 */
export async function nobodyBeginsAnew({ world, sites, anyDisaster }: Trial): Promise<void> {
  if (anyDisaster) return;
  const { authority, store } = world.hub.running;
  assertSame(authority.lineage().length, 1, "the lives of the hub");
  for (const { id, name } of sites) {
    const begun = await store.read((view) =>
      view
        .tables<HubTables>()
        .selectFrom("event")
        .select("detail")
        .where("site", "=", id)
        .where("event", "=", "stream-started")
        .execute(),
    );
    const reasons = begun.map(({ detail }) => (JSON.parse(detail ?? "{}") as { reason?: string }).reason);
    assertSame(reasons, ["first"], `why ${name} began to number anew`);
  }
  assertSame((await world.hub.ask("GET", `${PROJECT}/holds`)).holds, [], "holds without a disaster");
}
