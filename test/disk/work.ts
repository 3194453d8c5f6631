import { type Answer, type Fleet, PROJECT, type ProgramName } from "./fleet.ts";
import { GONE, type Ledger } from "./ledger.ts";

const HOSTS = `${PROJECT}/compute/hosts`;

/** What came of a round. */
export interface Round {
  /** Answers that no round may get, whatever becomes of the disk. */
  readonly strange: readonly string[];
  /** What each program refused, in its own words. */
  readonly refused: Readonly<Record<ProgramName, readonly string[]>>;
}

/** Hosts that every round writes to, by their ids. */
export interface Fixtures {
  readonly atHub: string;
  readonly atSite: string;
}

/** Makes what every round writes to. Its names are in the ledger. */
export async function makeFixtures(fleet: Fleet, ledger: Ledger): Promise<Fixtures> {
  const make = async (name: string) => {
    const host = await fleet.must("hub", "POST", HOSTS, { name, siteId: fleet.siteId });
    ledger.settle(`host ${host.resourceId}`, name);
    return host.resourceId as string;
  };
  return { atHub: await make("hub-0"), atSite: await make("site-0") };
}

/** The hosts and regions of a fleet, as one side shows them: what the ledger calls each, and its value. */
export async function shownAt(fleet: Fleet, at: ProgramName): Promise<Map<string, string>> {
  const [{ hosts }, { regions }] = await Promise.all([
    fleet.must(at, "GET", `${HOSTS}?pageSize=100`),
    fleet.must(at, "GET", `${PROJECT}/regions?pageSize=100`),
  ]);
  const { hostId } = fleet.machine.identity;
  const shown = new Map<string, string>();
  for (const { resourceId, name, hostname } of hosts) {
    shown.set(`host ${resourceId}`, name);
    if (name.startsWith("new-")) shown.set(`host named ${name}`, name);
    if (resourceId === hostId) shown.set("hostname", hostname);
  }
  for (const { name } of regions) shown.set(`region ${name}`, name);
  return shown;
}

/**
 * One round of what operators and a machine do, on both sides at once; always the same but for the names. What is
 * acknowledged is in the ledger. A disk explains a refusal with 503, and a program that has died no answer at all.
 */
export async function work(fleet: Fleet, ledger: Ledger, fixtures: Fixtures, round: number): Promise<Round> {
  const strange: string[] = [];
  const refused: Record<ProgramName, string[]> = { hub: [], site: [] };

  function note(at: ProgramName, asked: string, { status, body }: Answer): void {
    if (status === 503) refused[at].push(String(body?.message));
    else if (status !== 0 && status !== 200) strange.push(`${asked} at the ${at}: ${status} ${JSON.stringify(body)}`);
  }

  async function write(at: ProgramName, [method, path, body]: [string, string, object?], thing: string, value: string) {
    const tell = ledger.ask(thing, value);
    const answer = await fleet.ask(at, method, path, body);
    if (answer.status === 200) tell("acknowledged");
    note(at, `${method} ${path}`, answer);
    return answer;
  }

  async function operatorAtHub() {
    const region = `region-${round}`;
    const made = await write("hub", ["POST", `${PROJECT}/regions`, { name: region }], `region ${region}`, region);
    const name = `hub-${round}`;
    await write("hub", ["PATCH", `${HOSTS}/${fixtures.atHub}`, { name }], `host ${fixtures.atHub}`, name);
    const id = made.body?.resourceId;
    if (made.status === 200) await write("hub", ["DELETE", `${PROJECT}/regions/${id}`], `region ${region}`, GONE);
  }

  async function operatorAtSite() {
    for (const step of [1, 2]) {
      const name = `site-${round}-${step}`;
      await write("site", ["PATCH", `${HOSTS}/${fixtures.atSite}`, { name }], `host ${fixtures.atSite}`, name);
    }
    const name = `new-${round}`;
    const made = await write("site", ["POST", HOSTS, { name }], `host named ${name}`, name);
    const id = made.body?.resourceId;
    if (made.status === 200) ledger.settle(`host ${id}`, name);
  }

  async function machine() {
    for (const step of [1, 2]) {
      const name = `edge-${round}-${step}`;
      const tell = ledger.ask("hostname", name);
      if (await fleet.machine.report(name)) tell("acknowledged");
    }
  }

  async function powerAtSite() {
    const path = `${HOSTS}/${fleet.machine.identity.hostId}`;
    const answer = await fleet.ask("site", "PATCH", path, { desiredPowerState: "POWER_STATE_RESET" });
    note("site", "a reset", answer);
  }

  await Promise.all([operatorAtHub(), operatorAtSite(), machine(), powerAtSite()]);
  return { strange, refused };
}
