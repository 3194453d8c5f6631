import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { holdDirectory } from "./hold.ts";
import { temporaryDirectory, testLog } from "./testing/agents.ts";

test("a state directory is held by one agent at a time, however long its path", async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "long".repeat(40));
  const held = await holdDirectory(stateDir, silentLog);
  await expect(holdDirectory(stateDir, silentLog)).rejects.toThrow("is in use by another agent");
  await held.close();
  expect(readdirSync(stateDir)).toEqual([]);
  await (await holdDirectory(stateDir, silentLog)).close();
});

test("a state directory that this user may not have is named, with the setting to change", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "file");
  writeFileSync(file, "");
  await expect(holdDirectory(join(file, "state"), silentLog)).rejects.toThrow(/^--state-dir .*state cannot be used/);
});

test("an agent that was killed holds nothing any more", async () => {
  using directory = temporaryDirectory();
  const source = `
    import { holdDirectory } from ${JSON.stringify(new URL("./hold.ts", import.meta.url).href)};
    import { silentLog } from "@holdfast/runtime";
    await holdDirectory(process.argv[1], silentLog);
    process.stdout.write("held");
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source, directory.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await expect(holdDirectory(directory.path, silentLog)).rejects.toThrow("is in use by another agent");
  child.kill("SIGKILL");
  await once(child, "close");
  await (await holdDirectory(directory.path, silentLog)).close();
});

test("a directory in which nothing can be made is used all the same, and said", async () => {
  using directory = temporaryDirectory();
  // Neither a socket nor anything that can be removed to make one.
  mkdirSync(join(directory.path, "in-use/something"), { recursive: true });
  const { log, lines } = testLog();
  await (await holdDirectory(directory.path, log)).close();
  expect(lines).toEqual([expect.objectContaining({ level: 40, stateDir: directory.path })]);
});
