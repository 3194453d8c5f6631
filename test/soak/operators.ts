import { systemClock } from "@holdfast/runtime";
import type { Ledger } from "./ledger.ts";
import { valuesIn } from "./ledger.ts";
import { HOSTS, type Json, outcomeOf, type Party, PROJECT } from "./party.ts";
import type { Random } from "./random.ts";

export interface OperatorOptions {
  readonly party: Party;
  /** Of the site at which it works; undefined at the hub. */
  readonly siteId: string | undefined;
  /** Ids of all sites. */
  readonly sites: readonly string[];
  /** Names this operator's registrations: no two operators expect the same machine by accident. */
  readonly number: number;
  readonly random: Random;
  readonly ledger: Ledger;
  /** Serial numbers that somebody has registered somewhere, for whoever does so once more. */
  readonly serials: string[];
  /** All that it may register. */
  readonly registrations: number;
}

const WEIGHTS = {
  name: 8,
  metadata: 8,
  note: 2,
  register: 2,
  registerAgain: 0.5,
  delete: 0.7,
  command: 4,
  power: 1,
  claim: 1,
  choose: 3,
  look: 1,
};
type Act = keyof typeof WEIGHTS;

const COMMANDS = ["identify", "rescan", "reset", "identify", "rescan", "reset", "power-cycle"];
/** Between two acts of one operator, milliseconds. */
const [SOONEST, LATEST] = [20, 400];

/** Somebody who wants things of machines at one party, one after the other, and writes down what came of it. */
export class Operator {
  readonly #options: OperatorOptions;
  #registered = 0;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Works until the signal; what it has asked for by then is heard. */
  async work(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    while (!signal.aborted) {
      await this.#act(random.weighted(WEIGHTS));
      await systemClock.sleep(random.between(SOONEST, LATEST), signal).catch(() => undefined);
    }
  }

  async #act(act: Act): Promise<void> {
    const { party, random, siteId } = this.#options;
    if (act === "choose") return this.#choose();
    const listed = await party.request("GET", `${HOSTS}?pageSize=100`);
    // Of a party that does not even list its hosts nothing is wanted: it would only be noise in the ledger.
    if (listed.is !== "done" || act === "look") return;
    if (act === "register" || act === "registerAgain") return this.#register(act === "registerAgain");
    const shown: readonly Json[] = listed.body.hosts;
    // A site writes what it manages; what nobody manages it may claim.
    const hosts = siteId === undefined ? shown : shown.filter((host) => host.siteId === siteId);
    // A host that was registered has a serial number; a machine of this soak has none.
    const registered = hosts.filter(({ serialNumber }) => serialNumber);
    const machines = hosts.filter(({ serialNumber, siteId }) => !serialNumber && siteId);
    const free = shown.filter((host) => !host.siteId);
    const candidates = { name: hosts, note: registered, delete: registered, claim: free };
    const host = random.pick(act in candidates ? candidates[act as keyof typeof candidates] : machines);
    if (host) await this.#do(act, host);
  }

  async #do(act: Exclude<Act, "register" | "registerAgain" | "choose" | "look">, host: Json): Promise<void> {
    const { random, siteId, sites } = this.#options;
    switch (act) {
      case "name":
      case "metadata":
        return this.#write(act, host);
      case "note":
        return this.#note(host);
      case "delete":
        return this.#delete(host);
      case "command":
        return this.#command(host);
      case "power":
        return this.#wish("desiredPowerState", random.chance(0.7) ? "POWER_STATE_ON" : "POWER_STATE_OFF", host);
      case "claim":
        return this.#wish("siteId", siteId ?? random.pick(sites) ?? "", host);
    }
  }

  /** The generation that was seen goes with it: whoever wrote meanwhile is not written over unseen. */
  async #write(field: "name" | "metadata", { resourceId: host, generation, ...shown }: Json): Promise<void> {
    const { party, ledger } = this.#options;
    const value = ledger.freshValue();
    const wanted = field === "name" ? { name: value } : { metadata: [{ key: "round", value }] };
    const answer = await party.request("PATCH", `${HOSTS}/${host}`, { generation, ...wanted });
    const over = valuesIn(shown[field]);
    ledger.add({ kind: "write", party: party.name, host, field, value, over, outcome: outcomeOf(answer) });
  }

  /** Only whoever registered a host writes its note, for nothing says which note such a write has seen. */
  async #note({ resourceId: host, serialNumber, note }: Json): Promise<void> {
    const { party, ledger } = this.#options;
    if (!this.#isOwn(serialNumber)) return;
    const value = ledger.freshValue();
    const answer = await party.request("PUT", `${HOSTS}/${host}/invalidate?note=${value}`);
    const entry = { kind: "write", party: party.name, host, field: "note", value } as const;
    ledger.add({ ...entry, over: valuesIn(note), outcome: outcomeOf(answer) });
  }

  async #delete({ resourceId: host, serialNumber }: Json): Promise<void> {
    const { party, ledger, siteId } = this.#options;
    if (siteId !== undefined) return;
    const answer = await party.request("DELETE", `${HOSTS}/${host}`);
    ledger.add({ kind: "deletion", party: party.name, host, serialNumber, outcome: outcomeOf(answer) });
  }

  async #command({ resourceId: host }: Json): Promise<void> {
    const { party, ledger, random } = this.#options;
    const command = random.pick(COMMANDS) ?? "identify";
    const body = { command, validSeconds: 5 + random.below(20) };
    const answer = await party.request("POST", `${HOSTS}/${host}/commands`, body);
    const id = answer.is === "done" ? answer.body.id : undefined;
    ledger.add({ kind: "command", party: party.name, host, command, id, outcome: outcomeOf(answer) });
  }

  async #wish(field: "desiredPowerState" | "siteId", value: string, { resourceId: host, generation }: Json) {
    const { party, ledger } = this.#options;
    const answer = await party.request("PATCH", `${HOSTS}/${host}`, { generation, [field]: value });
    ledger.add({ kind: "wish", party: party.name, host, field, value, outcome: outcomeOf(answer) });
  }

  async #register(again: boolean): Promise<void> {
    const { party, ledger, random, registrations, siteId, serials } = this.#options;
    if (this.#registered >= registrations) return;
    const serialNumber = again ? random.pick(serials) : this.#freshSerial();
    if (serialNumber === undefined) return;
    const value = ledger.freshValue();
    const answer = await party.request("POST", `${HOSTS}/register`, { name: value, serialNumber });
    const host = answer.is === "done" ? answer.body.resourceId : undefined;
    const outcome = outcomeOf(answer);
    ledger.add({ kind: "registration", party: party.name, host, serialNumber, value, outcome });
    if (outcome === "acknowledged") this.#registered += 1;
    if (outcome === "acknowledged" && siteId !== undefined && !again) serials.push(serialNumber);
  }

  #freshSerial(): string {
    const { number, ledger } = this.#options;
    return `SOAK${number}N${String(ledger.size).padStart(6, "0")}`;
  }

  #isOwn(serialNumber: string): boolean {
    return serialNumber.startsWith(`SOAK${this.#options.number}N`);
  }

  async #choose(): Promise<void> {
    const { party, ledger, random, siteId } = this.#options;
    const listed = await party.request("GET", `${PROJECT}/conflicts?pageSize=100`);
    if (listed.is !== "done") return;
    for (const { id } of listed.body.conflicts) ledger.conflicts.add(id);
    // Whether a host is there at all is chosen by nobody here: what was deleted stays so. Where it is, is chosen at the hub.
    const conflicts: readonly Json[] = listed.body.conflicts;
    const conflict = random.pick(
      conflicts.filter(({ field }) => field !== null && (siteId === undefined || field !== "siteId")),
    );
    const chosen = random.pick<Json>(conflict?.values ?? []);
    if (!chosen) return;
    const saw = conflict.values.map(({ write }: Json) => write);
    const path = `${PROJECT}/conflicts/${conflict.id}/resolve`;
    const answer = await party.request("POST", path, { choose: chosen.write, saw });
    const over = conflict.values.flatMap((each: Json) => valuesIn(each.value));
    const entry = { kind: "choice", party: party.name, conflict: conflict.id, over } as const;
    ledger.add({ ...entry, value: valuesIn(chosen.value)[0], outcome: outcomeOf(answer) });
  }
}
