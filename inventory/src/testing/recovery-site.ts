import { Host, idFromNumber, type ResourceBody, siteScope, tenantScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { RecoveredRow } from "../authority/held.ts";
import type { Transaction } from "../store/contract.ts";
import { DELETED, type HubWorld, idsOf, siteId, TENANT } from "./recovery-world.ts";

/** What a site wants that the hub's word does not show yet. */
interface Intent {
  readonly write: string;
  readonly host: string;
  /** null: the host itself. */
  readonly field: string | null;
  readonly value: unknown;
  readonly base: string;
  readonly body?: ResourceBody;
  /** Where the feed shows what became of it; undefined before the hub has answered. */
  shownAt: number | undefined;
}

interface LetGo {
  readonly reason: "deleted" | "moved";
  readonly stamp: string;
  body: ResourceBody;
  readonly conflicts: Map<string, readonly string[]>;
}

type Entry = (tx: Transaction) => Promise<void>;
interface Row {
  readonly seq: number;
  readonly body: ResourceBody;
}

/** A site as the rules want it, in memory: replica, overlay, tombstones, and what it says to a hub that has lost history. */
export class SiteModel {
  readonly id: string;
  readonly #hub: HubWorld;
  #epoch: string;
  rows: Map<string, Row>[] = [new Map(), new Map()];
  #at = [0, 0];
  intents: Intent[] = [];
  released = new Map<string, LetGo>();
  #releasing = new Set<string>();
  #conflicts = new Map<string, readonly string[]>();
  #recovery: Entry[] | undefined;
  #ids: number[] = [];

  constructor(hub: HubWorld, name: string) {
    this.#hub = hub;
    this.id = siteId(name);
    this.#epoch = hub.authority.epoch();
  }

  /** The hub's newest word on each host, and what is only made here. */
  bodies(): Map<string, ResourceBody> {
    const shown = new Map<string, Row>();
    for (const rows of this.rows) {
      for (const [id, row] of rows) if (row.seq > (shown.get(id)?.seq ?? -1)) shown.set(id, row);
    }
    const bodies = new Map([...shown].map(([id, { body }]) => [id, body]));
    for (const { host, field, body } of this.intents)
      if (field === null && body && !bodies.has(host)) bodies.set(host, body);
    return bodies;
  }

  /** The write that this site shows of a field, and its value. */
  shown(host: string, field: string): { write: string; value: unknown } {
    const own = this.intents.findLast((intent) => intent.host === host && intent.field === field);
    if (own) return own;
    const body = this.bodies().get(host);
    return { write: body?.stamps[field]?.id ?? "", value: body?.fields[field] };
  }

  manages(host: string): boolean {
    const body = this.bodies().get(host);
    if (!body) return false;
    const letGo = this.released.get(host);
    if (letGo && letGo.stamp === body.stamps[letGo.reason === "deleted" ? "desiredState" : "siteId"]?.id) return false;
    return body.owner === this.id || this.intents.some((intent) => intent.host === host && intent.field === "siteId");
  }

  held(): Iterable<string> {
    const bodies = [...this.rows.flatMap((rows) => [...rows.values()].map(({ body }) => body))];
    bodies.push(...[...this.released.values()].map(({ body }) => body));
    return [...bodies.flatMap(({ stamps }) => idsOf(stamps)), ...this.intents.map(({ write }) => write)];
  }

  /** A host made here, under an id that the hub has lent. */
  create(): void {
    const number = this.#ids.shift();
    if (number === undefined) return;
    const [host, write] = [idFromNumber("host", number), this.#hub.next()];
    const stamp = { id: write, epoch: this.#epoch, generation: 1 };
    const fields = { name: write, siteId: this.id };
    const body = { tenant: TENANT, generation: 1, createdAt: 1, updatedAt: 1, creation: `c-${write}`, owner: this.id };
    const whole = { ...body, stamps: { name: stamp, siteId: stamp }, fields };
    this.#hub.want({ id: write, host, field: "name", value: write, parents: [] });
    this.intents.push({ write, host, field: null, value: fields, base: "", body: whole, shownAt: undefined });
  }

  edit(host: string, field: string): void {
    const [write, { write: base }] = [this.#hub.next(), this.shown(host, field)];
    const value = field === "siteId" ? this.id : write;
    this.#hub.want({ id: write, host, field, value, parents: base === "" ? [] : [base] });
    this.intents.push({ write, host, field, value, base, shownAt: undefined });
  }

  /** Lets go of what is wanted deleted or elsewhere, once the replica shows all that was wanted of it here (rule 14). */
  letGo(): void {
    for (const [host, { body }] of this.rows[1] ?? []) {
      if (!this.manages(host) || this.intents.some((intent) => intent.host === host)) continue;
      const [deleted, moved] = [body.fields.desiredState === DELETED, body.fields.siteId !== this.id];
      if (!deleted && !moved) continue;
      const stamp = body.stamps[deleted ? "desiredState" : "siteId"]?.id ?? "";
      const conflicts = this.released.get(host)?.conflicts ?? new Map();
      this.released.set(host, { reason: deleted ? "deleted" : "moved", stamp, body, conflicts });
      this.#releasing.add(host);
    }
  }

  /** Sends what waits, or `some` of what a restored hub must be told; a lost reply leaves all of it to be sent again. */
  async push(some: number, reply: "arrives" | "is lost"): Promise<void> {
    this.#meetEpoch();
    if (this.#recovery) {
      for (const entry of this.#recovery.splice(0, some)) await this.#apply(entry);
      if (this.#recovery.length > 0) return;
      this.#recovery = undefined;
      this.#at = [0, 0];
      this.rows = [new Map(), new Map()];
      await this.follow();
      return;
    }
    for (const intent of this.intents.filter(({ shownAt }) => shownAt === undefined)) await this.#send(intent, reply);
    for (const host of [...this.#releasing]) await this.#release(host, reply);
    if (this.#ids.length === 0) {
      const { first, count } = await this.#hub.store.write((tx) => this.#hub.authority.lendIds(tx, 2));
      this.#ids.push(...Array.from({ length: count }, (_, at) => first + at));
    }
  }

  async follow(): Promise<void> {
    this.#meetEpoch();
    if (this.#recovery) return;
    const scopes = [tenantScope(TENANT), siteScope(this.id)];
    await this.#hub.store.read(async (view) => {
      for (const [index, scope] of scopes.entries()) {
        const { rows, head } = await view.feed(scope, this.#at[index] ?? 0, 10_000);
        for (const { kind, id, body, seq } of rows) if (kind === Host.name) this.#show({ index, id, body, seq });
        this.#at[index] = head;
      }
    });
    await this.#followConflicts();
    const head = Math.max(...this.#at);
    this.intents = this.intents.filter(({ shownAt }) => shownAt === undefined || shownAt > head);
  }

  /** A new disk: all that only this site knew is gone. */
  loseDisk(): void {
    this.#epoch = this.#hub.authority.epoch();
    this.rows = [new Map(), new Map()];
    this.#at = [0, 0];
    this.intents = [];
    this.released.clear();
    this.#releasing.clear();
    this.#conflicts.clear();
    this.#recovery = undefined;
    this.#ids = [];
  }

  quiet(): boolean {
    return this.intents.length === 0 && this.#releasing.size === 0 && !this.#recovery;
  }

  #show({ index, id, body, seq }: { index: number; id: string; body: string | null; seq: number }): void {
    const rows = this.rows[index];
    if (body === null) {
      rows?.delete(id);
      return;
    }
    const read = JSON.parse(body) as ResourceBody;
    rows?.set(id, { seq, body: read });
    const letGo = this.released.get(id);
    if (!letGo || index === 0) return;
    const asks = read.stamps[letGo.reason === "deleted" ? "desiredState" : "siteId"]?.id;
    if (asks !== letGo.stamp) this.released.delete(id);
    else {
      // It has answered that already: the hub has forgotten, and is told again.
      letGo.body = read;
      this.#releasing.add(id);
    }
  }

  async #followConflicts(): Promise<void> {
    const before = this.#conflicts;
    this.#conflicts = new Map();
    for (const [key, values] of this.#hub.conflicts) {
      const host = key.slice(0, key.indexOf("/"));
      if ((await this.#hub.get(host))?.owner === this.id) this.#conflicts.set(key, [...values]);
    }
    for (const [key, values] of before) {
      if (!this.#conflicts.has(key)) this.released.get(key.slice(0, key.indexOf("/")))?.conflicts.set(key, values);
    }
  }

  /** The hub is in another life: it is told all before anything is taken from it (rule 20). */
  #meetEpoch(): void {
    const epoch = this.#hub.authority.epoch();
    if (this.#epoch === epoch) return;
    this.#epoch = epoch;
    this.#ids = [];
    const row = (id: string, body: ResourceBody): RecoveredRow => ({
      site: this.id,
      tenant: TENANT,
      kind: Host,
      id,
      body,
    });
    const { authority } = this.#hub;
    const after = this.#after;
    const entries: Entry[] = [];
    for (const [id, { reason, stamp, body }] of this.released) {
      entries.push(async (tx) => {
        const { conflicts } = await authority.recoverLetGoIn(tx, { ...row(id, body), reason, stamp });
        after.push(() => this.#hub.clashes(id, conflicts));
      });
    }
    for (const [index, rows] of this.rows.entries()) {
      for (const [id, { body }] of rows) {
        // Its own row of what it let go says that it has it; that of a machine that is nobody's now may say more than it knew.
        if (index === 1 && this.released.has(id)) continue;
        entries.push(async (tx) => {
          const { conflicts } = await authority.recoverIn(tx, row(id, body));
          after.push(() => this.#hub.clashes(id, conflicts));
        });
      }
    }
    const conflicts = new Map([...this.released.values()].flatMap((letGo) => [...letGo.conflicts]));
    for (const [key, values] of new Map([...conflicts, ...this.#conflicts])) {
      entries.push(async () => {
        after.push(() => this.#hub.recoverConflict(key, values));
      });
    }
    for (const intent of this.intents) intent.shownAt = undefined;
    this.#recovery = [...entries, async () => undefined];
  }

  readonly #after: (() => Promise<void> | void)[] = [];

  async #apply(entry: Entry): Promise<void> {
    await this.#hub.store.write(entry);
    for (const work of this.#after.splice(0)) await work();
  }

  async #send(intent: Intent, reply: "arrives" | "is lost"): Promise<void> {
    const { write, host, field, value, base, body } = intent;
    const { authority, store } = this.#hub;
    const actor = `site:${this.id}/operator:bob`;
    let at: number | undefined;
    if (field === null) {
      const request = {
        actor,
        tenant: TENANT,
        id: host,
        write,
        owner: this.id,
        fields: value as Record<string, unknown>,
      };
      const creation = body?.creation ?? "";
      const made = await store.write((tx) => authority.createIn(tx, Host, { ...request, creation })).catch(refused);
      if (!made) this.#hub.clash(host, null, [write]);
      at = made?.at?.seq;
    } else {
      const edit = { kind: Host, tenant: TENANT, id: host, field, value, base, actor, write, site: this.id };
      const outcome = await store.write((tx) => authority.editIn(tx, edit));
      if (outcome.result === "conflict") this.#hub.clash(host, field, [write, outcome.standing?.write ?? ""]);
      at = outcome.at?.scope === siteScope(this.id) ? outcome.at.seq : undefined;
    }
    if (reply === "arrives") intent.shownAt = at ?? 0;
  }

  async #release(id: string, reply: "arrives" | "is lost"): Promise<void> {
    const letGo = this.released.get(id);
    if (letGo) {
      const { reason, stamp, body } = letGo;
      const release = { kind: Host, tenant: TENANT, id, site: this.id, reason, stamp, body };
      const { conflicts = [] } = await this.#hub.store.write((tx) => this.#hub.authority.releaseIn(tx, release));
      await this.#hub.clashes(id, conflicts);
    }
    if (reply === "arrives") this.#releasing.delete(id);
  }
}

function refused(error: unknown): undefined {
  if (error instanceof Fault) return undefined;
  throw error;
}
