import { expect, test } from "vitest";
import { rowsOf } from "../conflicts/under-test.ts";
import { Sender, startTestHub } from "../hub-harness.ts";

const BY_SITE = ["uplink_stream", "intent_outcome", "quarantine", "enrolment", "id_block"] as const;

test("with a site goes what the hub kept of its link, but for the ids that it was lent (rule 16)", async () => {
  await using hub = await startTestHub();
  const [leaving, staying] = [await hub.site(), await hub.site()];
  for (const site of [leaving, staying]) {
    const edit = { type: "edit", intent: `of-${site.id}`, kind: "host", id: "host-00000001", field: "name", base: "" };
    const by = { value: "x", actor: "operator:bob", at: 1 };
    await new Sender(hub, site).send([{ type: "nonsense" }, { ...edit, ...by }], { wantIds: 1 });
    await hub.ask("POST", `/v1/projects/default/sites/${site.id}/enrolment-tokens`, {});
  }
  await hub.ask("DELETE", `/v1/projects/default/sites/${leaving.id}`);
  for (const table of BY_SITE) {
    const sites = (await rowsOf(hub, table)).map(({ site }) => site).sort();
    expect([table, sites]).toEqual([table, table === "id_block" ? [leaving.id, staying.id].sort() : [staying.id]]);
  }
});
