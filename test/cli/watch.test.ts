import { expect, test } from "vitest";
import { startCliWorld } from "./under-test.ts";

test("a list is shown and then what happens to it, over a restart of the hub, until one has had enough", async () => {
  await using world = await startCliWorld();
  const { hub } = world;
  const sites = "/v1/projects/default/sites";
  const first = await hub.site();
  const enough = new AbortController();
  const environment = { HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: hub.operator };
  const heard: { text: string; waiting?: { pattern: RegExp; found: () => void } } = { text: "" };
  const hears = (pattern: RegExp) =>
    new Promise<void>((found) => {
      if (pattern.test(heard.text)) found();
      else heard.waiting = { pattern, found };
    });
  const watching = world.runWith(
    {
      environment,
      signal: enough.signal,
      heard: (text) => {
        heard.text = text;
        if (heard.waiting?.pattern.test(text)) heard.waiting.found();
      },
    },
    ...["watch", "sites", "-f", 'name="a"'],
  );
  await hears(new RegExp(`^EVENT +ID +NAME +REGION\ncreated +${first.id} +a site +north\n$`));
  await hub.ask("PATCH", `${sites}/${first.id}`, { name: "a shop" });
  await hears(new RegExp(`^updated +${first.id} +a shop`, "m"));
  await hub.restart({ samePort: true });
  await hub.ask("PATCH", `${sites}/${first.id}`, { name: "a mast" });
  await hears(new RegExp(`^updated +${first.id} +a mast`, "m"));
  await hub.ask("DELETE", `${sites}/${first.id}`);
  await hears(new RegExp(`^deleted +${first.id}`, "m"));
  enough.abort();
  const { code, out, notes } = await watching;
  expect(code).toBe(0);
  expect(out.match(/^created/gm)).toHaveLength(1);
  expect(notes).toContain("goes on after: ");
});

test("what may not be watched is refused, and is not asked for again", async () => {
  await using world = await startCliWorld();
  expect(await world.run("watch", "sites", "-f", "nonsense=1")).toMatchObject({ code: 1 });
  expect(await world.run("watch", "sites", "--token", "nonsense")).toMatchObject({
    ...{ code: 1, notes: expect.stringContaining("Unauthenticated") },
  });
  const environment = { HOLDFAST_URL: world.hub.url };
  expect((await world.runWith({ environment }, "watch", "sites")).code).toBe(2);
});
