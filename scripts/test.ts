// `npm test`: every tier but the machines in QEMU, one after the other, and a line for each at the end: what ran, or what
// was skipped and why. With CI=true a skip is a failure.
import { messageOf, requireNode24, systemClock } from "@holdfast/runtime";
import { missingPackages, provide } from "./debian.ts";
import { runCommand, runVitest, type TierResult } from "./test/run.ts";

interface Tier {
  readonly name: string;
  /** Debian packages whose commands the tier calls, by command. */
  readonly needs: Readonly<Record<string, string>>;
  /** Does not wait its turn: the tier after it spends most of its time waiting for its programs. */
  readonly isBesideTheNext?: true;
  run(): Promise<TierResult>;
}

const TIERS: readonly Tier[] = [
  {
    name: "check",
    needs: {},
    run: async () => ({
      ...(await runCommand([
        ["tsc", "-b"],
        ["biome", "check", "."],
        ["node", "scripts/generate.ts", "--check"],
        ["node", "scripts/generate-settings.ts", "--check"],
      ])),
    }),
  },
  { name: "unit", needs: { "systemd-analyze": "systemd" }, run: () => runVitest("unit") },
  { name: "world", needs: {}, run: () => runVitest("world") },
  {
    name: "parsers",
    needs: {},
    run: async () => {
      const [tests, fuzzed] = [await runVitest("parsers"), await runCommand([["node", "test/parsers/main.ts"]])];
      const sum = (of: keyof TierResult) => tests[of] + fuzzed[of];
      return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
    },
  },
  { name: "histories", needs: {}, isBesideTheNext: true, run: () => runVitest("histories", "beside others") },
  {
    name: "process",
    needs: {
      strip: "binutils",
      "aarch64-linux-gnu-strip": "binutils-aarch64-linux-gnu",
      strace: "strace",
      prometheus: "prometheus",
      minisign: "minisign",
    },
    run: () => runVitest("process"),
  },
];

async function main(): Promise<number> {
  requireNode24();
  const strict = process.env.CI === "true";
  const only = process.argv.slice(2);
  const unknown = only.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`usage: npm test [-- TIER…], where TIER is one of ${TIERS.map((tier) => tier.name).join(", ")}`);
    return 2;
  }
  const chosen = TIERS.filter((tier) => only.length === 0 || only.includes(tier.name));
  await provide(chosen.flatMap((tier) => Object.entries(tier.needs)));

  const lines: Promise<string>[] = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const tier of chosen) {
    const missing = missingPackages(Object.entries(tier.needs));
    if (missing.length > 0) {
      total.skipped += 1;
      if (strict) total.failed += 1;
      const why = `not installed: ${missing.join(", ")}${strict ? " (a failure here: CI=true)" : ""}`;
      lines.push(Promise.resolve(`${tier.name.padEnd(9)} skipped: ${why}`));
      continue;
    }
    const line = runTier(tier).then(({ passed, failed, skipped, took }) => {
      const failures = failed + (strict ? skipped : 0) + (passed + failed === 0 ? 1 : 0);
      total.passed += passed;
      total.failed += failures;
      total.skipped += skipped;
      return `${tier.name.padEnd(9)} run: ${passed} passed, ${failures} failed, ${skipped} skipped, ${took}`;
    });
    lines.push(line);
    if (!tier.isBesideTheNext) await line;
  }
  const told = await Promise.all(lines);
  told.push(
    "vm        not part of `npm test`: machines in QEMU have a command of their own once there is network boot",
  );
  console.log(`\n${told.join("\n")}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

async function runTier(tier: Tier): Promise<TierResult & { readonly took: string }> {
  const began = systemClock.monotonic();
  const result = await tier.run().catch((error: unknown) => {
    console.error(messageOf(error));
    return { passed: 0, failed: 1, skipped: 0 };
  });
  return { ...result, took: `${Math.round((systemClock.monotonic() - began) / 1000)} s` };
}

process.exit(await main());
