import { edit, stampOf } from "@holdfast/hub/conflicts/under-test";
import { Sender } from "@holdfast/hub/hub-harness";
import { expect, test } from "vitest";
import { startCliWorld } from "./under-test.ts";

test("open conflicts are listed, shown with who wanted what, and decided", async () => {
  await using world = await startCliWorld();
  const { hub } = world;
  const hosts = "/v1/projects/default/compute/hosts";
  const site = await hub.site();
  const id: string = (await hub.ask("POST", hosts, { name: "first", siteId: site.id })).body.resourceId;
  const base = await stampOf(hub, site, id);
  await hub.ask("PATCH", `${hosts}/${id}`, { name: "second" });
  await new Sender(hub, site).send([edit("e-1", id, base)]);

  const listed = await world.run("conflicts");
  expect(listed.out).toMatch(
    new RegExp(`^ID +RESOURCE +FIELD +SINCE +WANTED\nconflict-\\S+ +${id} +name .* second \\| by e-1\n$`),
  );
  const conflict = listed.out.split("\n")[1]?.split(" ")[0] ?? "";
  const shown = await world.run("conflicts", "show", conflict);
  expect(shown.out).toMatch(/second +hub +operator:first .* yes/);
  expect(shown.out).toMatch(new RegExp(`^e-1 +by e-1 +${site.id} +operator:bob `, "m"));

  expect((await world.run("conflicts", "resolve", conflict)).code).toBe(2);
  expect((await world.run("conflicts", "resolve", conflict, "e-2")).code).toBe(1);
  expect((await world.run("conflicts", "resolve", conflict, "e-1")).code).toBe(0);
  expect(JSON.parse((await world.run("get", "host", id, "-o", "json")).out).name).toBe("by e-1");
  expect(JSON.parse((await world.run("conflicts", "list", "-o", "json")).out)).toEqual([]);
});
