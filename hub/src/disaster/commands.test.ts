import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { holdHome } from "@holdfast/runtime/home";
import { expect, test } from "vitest";
import { administer, splitCommand } from "../administer.ts";
import { DISASTER_COMMANDS } from "./commands.ts";
import { scratch, TestHome } from "./harness.ts";

/** Runs what a person types after `holdfast hub`. */
function type(...given: string[]): Promise<string> {
  const { command, options } = splitCommand(given);
  return administer(command, { arguments: options, environment: {} });
}

async function homeOfAHub(): Promise<string> {
  const { home } = await TestHome.withProject();
  await home.site("oslo");
  await home.store.close();
  return home.home;
}

test.each(Object.keys(DISASTER_COMMANDS))("%s --help says what it does and what it is told", async (command) => {
  const help = await type(...command.split(" "), "--help");
  expect(help).toContain(`usage: holdfast hub ${command}`);
  expect(help).toContain("--home DIR");
});

test("what a command is told may stand before or after the options, and too much of it is refused", async () => {
  const [home, folder] = [await homeOfAHub(), scratch()];
  await type("backup", join(folder, "a"), "--home", home);
  await type("backup", "--home", home, join(folder, "b"));
  await type("backup", "--home", home, "--file", join(folder, "c"));
  expect(readdirSync(folder).sort()).toEqual(["a", "b", "c"]);
  await expect(type("backup", "x", "y", "--home", home)).rejects.toThrow(/"y" is one too many/);
  await expect(type("backup", "--home", home)).rejects.toThrow(/FILE is needed/);
  await expect(type("recover", "accept", "oslo", "x", "--home", home)).rejects.toThrow(/SITE-ID: "oslo"/);
  await expect(type("recover", "--home", join(folder, "new"))).rejects.toThrow(/--from-sites is needed/);
  expect(existsSync(join(folder, "new"))).toBe(false);
});

test("a restore says where the old database is and what happens next", async () => {
  const [home, folder] = [await homeOfAHub(), scratch()];
  const taken = await type("backup", join(folder, "a"), "--home", home);
  expect(taken).toMatch(/a\n.*MB\n.*epoch .*\n.*newest change .*\n.*project 1, region 0, .*site 1/);
  const said = await type("restore", join(folder, "a"), "--home", home);
  expect(said).toMatch(/kept as hub.db.before-restore-\d{8}T\d{6}Z/);
  expect(said).toContain("Start the hub");
});

test("a new life is begun by hand only while no hub runs, and holds the sites (rule 21)", async () => {
  const home = await homeOfAHub();
  const held = holdHome(home, "hub");
  await expect(type("new-epoch", "--home", home)).rejects.toThrow(/in use/);
  await held.close();
  const said = await type("new-epoch", "--home", home);
  await using after = await TestHome.open(home);
  expect(said).toContain(after.authority.epoch());
  expect(after.authority.lineage()).toHaveLength(2);
  expect(await after.held()).toEqual(["hub-rolled-back"]);
});

test("recovering ends only when all sites that are known have told what they hold, or when that is said", async () => {
  const home = join(scratch(), "home");
  expect(await type("recover", "--from-sites", "--home", home)).toContain("What cannot come back");
  expect(await type("recover", "list", "--home", home)).toContain("No site has made a claim yet");
  const database = await TestHome.open(home);
  await database.authority.createTenant({ actor: "hub", name: "default" });
  const site = await database.site("oslo");
  await database.store.close();
  await expect(type("recover", "finish", "--home", home)).rejects.toThrow(new RegExp(`${site} "oslo".*--force`));
  expect(await type("recover", "finish", "--force", "--home", home)).toContain(site);
  await expect(type("recover", "finish", "--home", home)).rejects.toThrow(/not recovering/);
  expect(await type("recover", "list", "--home", home)).toMatch(/not recovering/);
});
