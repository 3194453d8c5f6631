import type { Answer, Fleet, ProgramName } from "./fleet.ts";
import { contradictions, type Ledger } from "./ledger.ts";
import { ERROR, type LogLine, type Running } from "./running.ts";
import { shownAt } from "./work.ts";

/** A computer that is busy with other things takes its time, and this is no measurement of it. */
const SETTLES_WITHIN = 150_000;
/** What a log says of a disk: that something is refused, and that it is not any more. */
const TOLD = {
  refused: ["the disk takes no writes", "the disk takes writes again"],
  taken: ["the database's log cannot be taken into it, and grows", "the database's log is taken into it again"],
} as const;

/** What must not be, found at a point. */
export class Violation extends Error {}

/**
 * Waits until hub and site show the same and nothing is on its way, and everything that was acknowledged is there. Throws a
 * Violation with what is still wrong after that long.
 */
export async function settled(fleet: Fleet, ledger: Ledger): Promise<void> {
  const deadline = performance.now() + SETTLES_WITHIN;
  for (;;) {
    const wrong = await stillWrong(fleet, ledger).catch((error: unknown) => [String(error)]);
    if (wrong.length === 0) return;
    if (performance.now() > deadline) throw new Violation(`hub and site do not come to agree: ${wrong.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function stillWrong(fleet: Fleet, ledger: Ledger): Promise<string[]> {
  const status = await fleet.must("site", "GET", "/v1/status");
  const wrong: string[] = [];
  if (status.unsent.entries > 0) wrong.push(`${status.unsent.entries} entries are not sent`);
  if (status.intents.waiting > 0) wrong.push(`${status.intents.waiting} intents wait`);
  if (status.intents.refused > 0) wrong.push(`intents were refused: ${JSON.stringify(status.intents.first)}`);
  if (status.refusedState.rows > 0) wrong.push(`observations were refused: ${JSON.stringify(status.refusedState)}`);
  if (status.phase.is !== "settled") wrong.push(`the site is ${status.phase.is}`);
  if (status.parked.rows > 0) wrong.push("rows are parked");
  if (status.conflicts.open > 0) wrong.push(`conflicts: ${JSON.stringify(status.conflicts)}`);
  const [hub, site] = [await shownAt(fleet, "hub"), await shownAt(fleet, "site")];
  for (const [at, shown] of [
    ["the hub", hub],
    ["the site", site],
  ] as const)
    wrong.push(...contradictions(ledger, shown).map((what) => `at ${at} ${what}`));
  for (const [thing, value] of hub)
    if (site.get(thing) !== value) wrong.push(`${thing}: ${value} at the hub, ${site.get(thing)} at the site`);
  for (const thing of site.keys()) if (!hub.has(thing)) wrong.push(`${thing} is at the site alone`);
  return wrong;
}

/** Throws a Violation when SQLite finds a database damaged, or a command was carried out twice. */
export function sound(fleet: Fleet): void {
  const damages = (["hub", "site"] as const).flatMap((name) => fleet.damages(name));
  if (damages.length > 0) throw new Violation(damages.join("; "));
  const twice = [...fleet.machine.carriedOut].filter(([, times]) => times > 1);
  if (twice.length > 0) throw new Violation(`carried out more than once: ${JSON.stringify(twice)}`);
}

/**
 * Whoever is refused is told that it is the disk, and so is whoever looks at the status or the log, there once. Throws a
 * Violation where a program keeps that to itself.
 */
export async function answersClearly(fleet: Fleet, name: ProgramName, refused: readonly string[]): Promise<void> {
  const unclear = refused.filter((words) => !/disk/.test(words));
  if (unclear.length > 0) throw new Violation(`refused without naming the disk: ${unclear.join("; ")}`);
  const { status, body } = await statusOf(fleet, name);
  if (status !== 200 || body?.disk === undefined)
    throw new Violation(`the ${name} says nothing of its disk: ${status}`);
  if (refused.length > 0 && body.disk === null)
    throw new Violation("it refuses to write and says that its disk is well");
  const { log } = fleet.get(name);
  if (body.disk !== null && timesOpen(log, body.disk.writes).open === 0)
    throw new Violation("its status says that its disk is not well, and its log does not");
  for (const writes of ["refused", "taken"] as const) {
    const { open, files } = timesOpen(log, writes);
    if (open > files) throw new Violation(`its log says ${open} times: ${TOLD[writes][0]}`);
  }
}

/** A machine that is busy with other things may not answer in time: whoever only looks asks again. */
async function statusOf(fleet: Fleet, name: ProgramName): Promise<Answer> {
  let answer = await fleet.ask(name, "GET", "/v1/status");
  for (let again = 0; again < 2 && answer.status === 0 && !fleet.get(name).end; again += 1)
    answer = await fleet.ask(name, "GET", "/v1/status");
  return answer;
}

function timesOpen(log: readonly LogLine[], writes: keyof typeof TOLD) {
  const [begins, ends] = TOLD[writes];
  const began = log.filter(({ msg, level }) => msg === begins && level === ERROR);
  const over = log.filter(({ msg }) => msg === ends);
  return { open: began.length - over.length, files: new Set(began.map(({ file }) => file)).size };
}

/**
 * Whether a program says that its writes stay in the log of a database. Throws a Violation where its status says that all is well,
 * or where it refuses to write because of it. The status tells of writes that were refused a moment ago rather than of these.
 */
export async function tellsOfItsLog(fleet: Fleet, name: ProgramName, refused: readonly string[]): Promise<boolean> {
  if (refused.length > 0) throw new Violation(`refused though the log takes it: ${refused.join("; ")}`);
  await answersClearly(fleet, name, refused);
  if (timesOpen(fleet.get(name).log, "taken").open === 0) return false;
  const { body } = await statusOf(fleet, name);
  if (body?.disk === null) throw new Violation("its log says that its disk is not well, and its status does not");
  return true;
}

/** A program that does not come up says why in a sentence, and ends with 1. Throws a Violation otherwise. */
export function endedInWords({ end, output }: Running): void {
  if (!end || (end.code === 1 && /^holdfast (hub|site): .+$/m.test(output) && !output.includes("\n    at "))) return;
  throw new Violation(`it ended without a sentence: ${JSON.stringify(end)}\n${output.slice(-1500)}`);
}
