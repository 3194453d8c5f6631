import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PASSWORD, startSigninHub } from "./under-test.ts";

test("users are made, listed, given roles and removed, and nobody's password is anywhere", async () => {
  await using hub = await startSigninHub();
  await hub.run("project create", "--name", "south");
  expect(await hub.user("Alice", "im-rw, auditor", "--projects", "south")).toMatch(/^alice [0-9a-f-]{36}$/);
  await hub.user("bob", "hub-admin,oob-power");
  await hub.run("user grant", "bob", "--roles", "project-write-role", "--organisations", "default");
  const [alice = "", bob = ""] = (await hub.run("user list")).split("\n");
  expect(alice.split("\t")).toEqual(["alice", expect.any(String), "auditor in south, im-rw in south"]);
  expect(bob.split("\t")[2]).toBe("hub-admin, oob-power in all, project-write-role in default");
  await hub.run("user revoke", "bob", "--roles", "hub-admin,oob-power");
  expect((await hub.run("user list")).split("\n")[1]).toMatch(/\tproject-write-role in default$/);
  await hub.run("user remove", "ALICE");
  expect(await hub.run("user list")).not.toContain("alice");
  const { mode } = statSync(join(hub.home, "signin-keys.json"));
  expect((mode & 0o777).toString(8)).toBe("600");
  for (const file of ["hub.db", "hub.db-wal"]) expect(readFileSync(join(hub.home, file))).not.toContain(PASSWORD);
});

test("a command says what is wrong", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "im-r");
  const cases: [command: string, options: string[], message: RegExp][] = [
    ["create", ["alice", "--roles", "im-r"], /alice already/],
    ["create", ["carol", "--roles", "admin"], /--roles: "admin" is none of im-r, /],
    ["create", ["carol", "--roles", "manager"], /--roles: "manager"/],
    ["create", ["carol", "--roles", "im-r", "--projects", "nobodys"], /--projects: no project is called nobodys/],
    ["create", ["a b"], /NAME: "a b" is not a name/],
    [
      "grant",
      ["alice", "--roles", "project-read-role", "--organisations", "nobodys"],
      /--organisations: no organisation/,
    ],
    ["remove", ["carol"], /no user is called carol/],
    ["grant", ["carol", "--roles", "im-r"], /no user is called carol/],
    ["grant", ["alice"], /--roles is needed/],
    ["revoke", ["alice", "--roles", "im-rw"], /alice does not have im-rw/],
    ["unlock", ["carol"], /no user is called carol/],
  ];
  for (const [command, options, message] of cases) {
    const password = command === "create" ? ["--password-file", join(hub.home, "password")] : [];
    await expect(hub.run(`user ${command}`, ...options, ...password)).rejects.toThrow(message);
  }
});

test("a password comes from a file, and is long enough", async () => {
  await using hub = await startSigninHub();
  const file = join(hub.home, "short");
  writeFileSync(file, "short\nand another line that does not count");
  await expect(hub.run("user create", "alice", "--password-file", file)).rejects.toThrow(/from 8 to 1000/);
  await expect(hub.run("user create", "alice", "--password-file", `${file}-not`)).rejects.toThrow(/--password-file/);
  await expect(hub.run("user create", "alice", "--password", PASSWORD)).rejects.toThrow(/--password/);
  expect(await hub.run("user list")).toBe("");
});
