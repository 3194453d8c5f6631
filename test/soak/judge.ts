import { readFileSync } from "node:fs";
import { messageOf, seconds, systemClock } from "@holdfast/runtime";
import type { Fleet } from "./fleet.ts";
import { disagreements } from "./judge-agreement.ts";
import { type Carried, judgeCommands } from "./judge-commands.ts";
import { judgeLog, readLog } from "./judge-logs.ts";
import { judgeWrites, type Shown } from "./judge-writes.ts";
import type { EntryOf, Ledger } from "./ledger.ts";
import { valuesIn } from "./ledger.ts";
import { HOSTS, type Json, outcomeOf, PROJECT } from "./party.ts";
import type { Timeline } from "./timeline.ts";

const AGREED_WITHIN = seconds(240);
const LOOK_EVERY = seconds(1);
const ASKED_AT_ONCE = 16;
/** Of what is not right yet. */
const NOTED = 5;

export interface Judged {
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly timeline: Timeline;
}

/** What is still wrong when everything has been whole for long enough; nothing as soon as nothing is. */
export async function judgeWhole({ fleet, ledger, timeline }: Judged, signal: AbortSignal): Promise<string[]> {
  const deadline = systemClock.monotonic() + AGREED_WITHIN;
  const ended = new Map<string, string>();
  let before = "";
  for (;;) {
    const wrong = await lookOnce(fleet, ledger, ended).catch((error: unknown) => [`looking: ${messageOf(error)}`]);
    const told = wrong.slice(0, NOTED).join("; ");
    if (told !== before) timeline.note("not yet", `${wrong.length} things`, { wrong: told });
    before = told;
    if (wrong.length === 0 || signal.aborted || systemClock.monotonic() > deadline) return wrong;
    await systemClock.sleep(LOOK_EVERY, signal).catch(() => undefined);
  }
}

async function lookOnce(fleet: Fleet, ledger: Ledger, ended: Map<string, string>): Promise<string[]> {
  await chooseWhatExists(fleet, ledger);
  const different = await disagreements(fleet, ledger.doubted);
  if (different.length > 0) return different;
  const wanted = {
    ...{ writes: ledger.of("write"), choices: ledger.of("choice") },
    ...{ registrations: ledger.of("registration"), deletions: ledger.of("deletion") },
  };
  return [
    ...judgeWrites(wanted, await shownOf(fleet, ledger)),
    ...judgeCommands({ commands: await commandsOf(fleet, ledger, ended), ...carriedOut(fleet) }),
  ];
}

/** Whether a host is there, and as what, is open until somebody chooses: until then a site and its hub must differ. */
async function chooseWhatExists({ atHub }: Fleet, ledger: Ledger): Promise<void> {
  const conflicts = await atHub.all(`${PROJECT}/conflicts`, "conflicts");
  for (const { id: conflict, resourceId, values } of conflicts.filter(({ field }) => field === null)) {
    ledger.doubted.add(resourceId);
    const over = valuesIn(values);
    for (const { write: choose, value } of values) {
      const answer = await atHub.request("POST", `${PROJECT}/conflicts/${conflict}/resolve`, { choose });
      const entry = { kind: "choice", party: atHub.name, conflict, value: valuesIn(value)[0], over } as const;
      ledger.add({ ...entry, outcome: outcomeOf(answer) });
      if (answer.is === "done") break;
    }
  }
}

async function shownOf({ atHub }: Fleet, ledger: Ledger): Promise<Shown> {
  const entries = [...ledger.of("write"), ...ledger.of("registration"), ...ledger.of("deletion")];
  const ids = [...new Set(entries.flatMap(({ host }) => host ?? []))];
  const hosts = await each(ids, async (id) => [id, await hostAt(atHub, id)] as const);
  const conflicts = await atHub.all(`${PROJECT}/conflicts`, "conflicts");
  for (const { id } of conflicts) ledger.conflicts.add(id);
  return { hosts: new Map(hosts), contested: new Set(valuesIn(conflicts.map(({ values }) => values))) };
}

async function hostAt(atHub: Fleet["atHub"], id: string) {
  const answer = await atHub.request("GET", `${HOSTS}/${id}`);
  if (answer.is === "unanswered") throw new Error(`${id}: ${answer.why}`);
  if (answer.is === "refused") return undefined;
  const { name, metadata, note }: Json = answer.body;
  return { name: valuesIn(name), metadata: valuesIn(metadata), note: valuesIn(note) };
}

async function commandsOf({ atHub }: Fleet, ledger: Ledger, ended: Map<string, string>) {
  const known = ledger.of("command").filter(({ outcome }) => outcome === "acknowledged");
  return each(known, async (entry: EntryOf<"command">) => {
    const id = entry.id ?? "";
    const answer = ended.has(id) ? undefined : await atHub.request("GET", `${HOSTS}/${entry.host}/commands/${id}`);
    if (answer?.is === "done" && !["pending", "started", "held"].includes(answer.body.status)) {
      ended.set(id, answer.body.status);
    }
    return { ...entry, status: ended.get(id) ?? (answer?.is === "done" ? String(answer.body.status) : undefined) };
  });
}

function carriedOut(fleet: Fleet): Omit<Carried, "commands"> {
  return {
    siteLogs: fleet.sites.flatMap(({ program }) => readLog(readFileSync(program.log, "utf8"))),
    machines: fleet.machines.map(({ name, agent, switched }) => {
      return { name, switched, log: agent.hasRun ? readLog(readFileSync(agent.log, "utf8")) : [] };
    }),
  };
}

/** What is wrong with how the programs ran, whatever they have come to agree on. */
export function judgePrograms(fleet: Fleet): string[] {
  const said = fleet.programs.filter(({ hasRun }) => hasRun);
  return [
    ...fleet.programs.flatMap(({ complaints }) => complaints),
    ...fleet.parties.flatMap(({ complaints }) => complaints),
    ...said.flatMap(({ name, log }) => judgeLog(name, readLog(readFileSync(log, "utf8")))),
  ];
}

/** Asks of each, several at once. */
async function each<T, R>(list: readonly T[], ask: (one: T) => Promise<R>): Promise<R[]> {
  const found: R[] = [];
  for (let from = 0; from < list.length; from += ASKED_AT_ONCE) {
    found.push(...(await Promise.all(list.slice(from, from + ASKED_AT_ONCE).map(ask))));
  }
  return found;
}
