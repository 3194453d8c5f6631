// `npm run fuzz:api`: whether the API ever answers what its document does not declare.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { messageOf, minutes, requireNode24, seconds } from "@holdfast/runtime";
import { attack, type Tally } from "./attack.ts";
import type { ApiDocument } from "./document.ts";
import { hubUnderAttack } from "./hub.ts";

const HELP = `usage: npm run fuzz:api -- [--minutes N | --seconds N] [--seed N [--path P]] [--only TEXT]

Starts a hub, makes sequences of requests from its OpenAPI document and looks whether every answer is as that declares: no
status of 500 or more, none that is not declared, no body that its schema does not allow. Ends with 1, and with the shortest
sequence that still fails, when one is not.

  --minutes N   how long; 20 when not given
  --seconds N   the same in seconds
  --seed N      what is drawn follows from it; a new one when not given
  --path P      plays the one sequence that a failure named beside its seed
  --only TEXT   attacks the operations alone whose path or id has this in it
  --help        this text`;

async function main(given: string[]): Promise<number> {
  requireNode24();
  const text = { type: "string" } as const;
  const options = {
    minutes: text,
    seconds: text,
    seed: text,
    path: text,
    only: text,
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ args: given, options });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const within =
    values.seconds === undefined
      ? minutes(wholeNumber("minutes", values.minutes ?? "20"))
      : seconds(wholeNumber("seconds", values.seconds));
  const seed = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber("seed", values.seed);
  const { only, path } = values;

  await using hub = await hubUnderAttack();
  const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as ApiDocument;
  const chosen =
    only === undefined
      ? {}
      : { only: (each: { path: string; id: string }) => `${each.path} ${each.id}`.includes(only) };
  const played = path === undefined ? { within } : { path };
  const outcome = await attack({ target: hub.target, document, seed, ...chosen, ...played });
  tell(outcome.tally);
  console.log(`\n${outcome.requests} requests to ${outcome.tally.size} operations, seed ${seed}`);
  if (!outcome.failure) return 0;
  console.log(
    `\n${outcome.failure.story}\n\nagain: npm run fuzz:api -- --seed ${outcome.failure.seed} --path ${outcome.failure.path}`,
  );
  return 1;
}

/** By operation: how many answers of each status. */
function tell(tally: Tally): void {
  for (const [id, statuses] of [...tally].toSorted(([a], [b]) => a.localeCompare(b))) {
    const counts = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
    console.log(`${id.padEnd(40)} ${counts.join("  ")}`);
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  throw new Error(`--${name} is a whole number, not ${text}`);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(messageOf(error));
  return 2;
});
