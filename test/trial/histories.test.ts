import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { countsOf, playMany, told } from "./many.ts";
import { optionsFrom } from "./options.ts";
import { Player } from "./player.ts";

const KEPT = new URL("kept/", import.meta.url);

/** What all of them hold together, at the least: a history that holds next to nothing is as good as none. */
const AT_LEAST = { siteHours: 5_000, actions: 20_000, faults: 5_000, killPoints: 300 };
const HISTORIES = ["--seeds", "66", "--from", "1001", "--length", "300", "--tries", "0", "--on"];

test("whatever operators do on both sides and whatever fails, hub and sites agree in the end with each other and with what was wanted (rules 1, 2, 3, 7, 8, 14, 15, 17, 20)", {
  timeout: 1_800_000,
}, async () => {
  const options = optionsFrom(HISTORIES);
  if (options === "help") throw new Error("that was no question");
  const { sum, failures } = await playMany(options, { onPlayed: () => undefined });
  const killPoints = sum.killedAt.size;
  process.stdout.write(`${told({ histories: sum.histories, ...countsOf(sum), "distinct kill points": killPoints })}\n`);
  expect(failures).toEqual([]);
  for (const [what, least] of Object.entries(AT_LEAST)) {
    expect({ ...sum, killPoints }[what as keyof typeof AT_LEAST], what).toBeGreaterThanOrEqual(least);
  }
});

test.each(readdirSync(KEPT))("what a history has found stays mended: %s", { timeout: 300_000 }, async (file) => {
  const { seed, plan } = JSON.parse(readFileSync(new URL(file, KEPT), "utf8"));
  const player = new Player();
  const outcome = await player.play({ seed, length: 0, plan });
  player.close();
  expect(outcome).not.toHaveProperty("failed");
});
