import { expect, test } from "vitest";
import { administer } from "../administer.ts";
import { startTestHub } from "../hub-harness.ts";

test("projects and organisations are made, shown and deleted beside the hub, which carries it out", async () => {
  await using hub = await startTestHub();
  const run = async (command: string, ...options: string[]) => {
    await hub.hub.tenants.idle();
    return administer(command, { arguments: [...options, "--home", hub.home], environment: {} });
  };
  expect(await run("org create", "north")).toMatch(/^north [0-9a-f-]{36}$/);
  await expect(run("org create", "north")).rejects.toMatchObject({ code: "AlreadyExists" });
  expect((await run("org list")).split("\n").map((line) => line.split(" ")[0])).toEqual(["default", "north"]);
  const made = ["--name", "acme", "--org", "north", "--description", "the shops"];
  expect(await run("project create", ...made)).toMatch(/^acme [0-9a-f-]{36}$/);
  await expect.poll(() => run("project show", "acme")).toMatch(/^acme .*\nthe shops\norganisation north\nactive\n/);
  expect((await run("project list")).split("\n").map((line) => line.split(" ")[0])).toEqual(["acme", "default"]);
  const nowhere = run("project create", "--name", "other", "--org", "nowhere");
  await expect(nowhere).rejects.toMatchObject({
    code: "NotFound",
    message: "--org: no organisation is called nowhere",
  });
  expect(await run("project delete", "acme")).toBe("Project acme DELETE is in progress");
  await expect.poll(() => run("project list"), { timeout: 15_000 }).toMatch(/^default [^\n]*$/);
  expect(await run("org delete", "north")).toBe("north deleted");
  await expect(run("org delete", "north")).rejects.toMatchObject({ code: "NotFound" });
  expect(await run("project show", "default")).toMatch(
    /^default .*\norganisation default\nactive\nProject default CREATE/,
  );
  await expect(run("project delete", "default", "--force")).rejects.toMatchObject({ code: "FailedPrecondition" });
  expect(await run("project delete", "default")).toBe("Project default DELETE is in progress");
  await expect.poll(() => hub.hub.store.read((view) => view.tenants()), { timeout: 15_000 }).toEqual([]);
  await expect(run("project show", "default")).rejects.toMatchObject({ code: "NotFound" });
});

test("what is done beside the hub is in the log with the account of the system that did it", async () => {
  await using hub = await startTestHub();
  const run = (command: string, ...options: string[]) =>
    administer(command, { arguments: [...options, "--home", hub.home], environment: {} });
  await run("org create", "north", "--description", "the north");
  await run("org delete", "north");
  await run("project create", "--name", "acme");
  await run("project delete", "acme");
  const { body } = await hub.ask("GET", "/v1/audit?order=oldest&actor=operator:local");
  type Entry = Readonly<Record<string, unknown>>;
  const told = (body.entries as Entry[]).filter(({ kind }) => kind === "organisation" || kind === "tenant");
  expect(told.map(({ kind, operation }) => `${kind} ${operation}`)).toEqual([
    ...["organisation create", "organisation delete", "tenant create", "tenant update"],
  ]);
  expect(told[0]?.after).toEqual({ name: "north", description: "the north" });
  for (const { tokenId } of told) expect(tokenId).toMatch(/^account:./);
});
