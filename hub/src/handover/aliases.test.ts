import { idFromNumber, type UplinkReply } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { feedRows } from "../conflicts/under-test.ts";
import { Sender, startTestHub } from "../hub-harness.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const UUID = "4c4c4544-0042-4d10-8053-b7c04f4e3432";

/** A site creates the machine that the hub has registered, cut off; nobody has been admitted as the hub's. */
async function bothSides(more: { readonly actor: string; readonly bound?: boolean }) {
  const hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  const { body: lent } = await sender.send([], { wantIds: 2 });
  const [id = "", second = ""] = [0, 1].map((nth) =>
    idFromNumber("host", ((lent as UplinkReply).ids?.first ?? 0) + nth),
  );
  const { body: registered } = await hub.ask("POST", `${HOSTS}/register`, { name: "from the hub", uuid: UUID });
  const fields = { name: "from the site", siteId: site.id, desiredState: "HOST_STATE_ONBOARDED", uuid: UUID };
  const create = { type: "create", intent: "i1", kind: "host", id, creation: "c1", at: 1, fields, ...more };
  const { body } = await sender.send([create]);
  /** What the site's feed says of other names of hosts. */
  const aliases = async () => {
    const rows = (await feedRows(hub, site)).filter(({ kind }) => kind === "alias");
    return Object.fromEntries(rows.map((row) => [row.id, row.body && JSON.parse(row.body).of]));
  };
  const survivor = (await hub.ask("GET", `${HOSTS}/${id}`)).body.resourceId;
  return {
    ...{ hub, sender, create, aliases, id, second, survivor },
    ...{ registered: registered.resourceId, outcome: body.outcomes[0] },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

test.each([
  ["says that it admitted it", { actor: "site:oslo", bound: true }],
  ["is of protocol 1, which did not say so, and made it by itself", { actor: "site:oslo" }],
])("the id as which a site admitted a machine survives, when the site %s (rules 5, 23)", async (_, by) => {
  await using it = await bothSides(by);
  expect(it.outcome).toMatchObject({ result: "applied" });
  expect(it.outcome).not.toHaveProperty("alias");
  expect(it.survivor).toBe(it.id);
});

test("the hub's id survives when an operator at a site registered a machine that nobody has seen (rule 5)", async () => {
  await using it = await bothSides({ actor: "operator:ann" });
  expect(it.outcome).toMatchObject({ result: "applied", alias: it.registered });
  expect(it.survivor).toBe(it.registered);
});

test("a name of a host that becomes itself a name means the survivor, at its site too, and all go with that (rule 5)", async () => {
  await using it = await bothSides({ actor: "operator:ann" });
  expect(await it.aliases()).toEqual({ [it.id]: it.registered });
  const again = { ...it.create, intent: "i2", id: it.second, creation: "c2", actor: "site:oslo", bound: true };
  await it.sender.send([again]);
  expect(await it.aliases()).toEqual({ [it.id]: it.second, [it.registered]: it.second });
  expect((await it.hub.ask("GET", `${HOSTS}/${it.id}`)).body.resourceId).toBe(it.second);
  await it.hub.ask("DELETE", `${HOSTS}/${it.second}/force`);
  expect(await it.aliases()).toEqual({ [it.id]: null, [it.registered]: null });
  expect(await it.hub.ask("GET", `${HOSTS}/${it.id}`)).toMatchObject({ status: 404 });
});
