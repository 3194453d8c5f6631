import { Host } from "@holdfast/protocol/kinds/host";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { ALICE, SiteApi } from "../testing/site-api.ts";

const HOSTS = "compute/hosts";

const journalled = (it: SiteApi) =>
  it.site.store.read((view) => siteTables(view).selectFrom("local_intent").select("id").execute());

test("a change that was made of another state is refused at a site too, and journals nothing", async () => {
  await using it = await SiteApi.open();
  const read = await it.ask("GET", `${HOSTS}/${it.own}`);
  const headers = { "if-match": String(read.headers.etag) };
  expect((await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "first" }, headers })).status).toBe(200);
  const pending = await journalled(it);
  const late = await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "second" }, headers });
  expect(late).toMatchObject({ status: 412, body: { code: "FailedPrecondition" } });
  expect((await it.ask("GET", `${HOSTS}/${it.own}`)).body.name).toBe("first");
  expect(await journalled(it)).toEqual(pending);
  const known = await it.ask("GET", `${HOSTS}/${it.free}`);
  const again = await it.ask("GET", `${HOSTS}/${it.free}`, {
    headers: { "if-none-match": String(known.headers.etag) },
  });
  expect(again.status).toBe(304);
});

test("a state that has come to the same generation by another way is another state", async () => {
  await using it = await SiteApi.open();
  const written = await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "here" } });
  await it.hub.update(Host, it.own, { name: "there" });
  await it.hub.take(it.site);
  await it.hub.show(it.site);
  const shown = await it.ask("GET", `${HOSTS}/${it.own}`);
  expect(shown.body).toMatchObject({ name: "there", generation: written.body.generation });
  const late = await it.ask("PATCH", `${HOSTS}/${it.own}`, {
    body: { name: "unseen" },
    headers: { "if-match": String(written.headers.etag) },
  });
  expect(late).toMatchObject({ status: 412, body: { code: "FailedPrecondition" } });
  const headers = { "if-match": String(shown.headers.etag) };
  expect((await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "seen" }, headers })).status).toBe(200);
});

test("a list is watched at a site that is cut off: what is wanted there, and what the hub says when it is back", async () => {
  await using it = await SiteApi.open();
  const url = await it.app.listen({ host: "127.0.0.1", port: 0 });
  const { headers } = await it.ask("GET", HOSTS);
  const response = await fetch(
    `${url}/v1/projects/default/${HOSTS}?watch=true&cursor=${String(headers["holdfast-cursor"])}`,
    { headers: { authorization: `Bearer ${ALICE}` } },
  );
  expect(response.headers.get("holdfast-slice")).not.toBeNull();
  const text = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  const saying = async (what: string) => {
    while (!told.includes(what)) {
      const chunk = await text?.read();
      if (!chunk || chunk.done) throw new Error(`the stream ended without ${what}`);
      told += chunk.value;
    }
  };
  await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "renamed-here" } });
  await saying('"name":"renamed-here"');
  await it.hub.take(it.site);
  await it.hub.update(Host, it.own, { name: "renamed-there" });
  await it.hub.show(it.site);
  await saying('"name":"renamed-there"');
  expect(told).not.toContain(it.free);
});
