import type { ConflictBody, ResourceBody, Stamp } from "@holdfast/protocol/feed";
import type { EditIntent, EntryOutcome, ReplicaRowEntry, UplinkEntry } from "@holdfast/protocol/uplink";
import type { FeedBatch, FeedChange } from "../replica/apply.ts";
import { ModelHub } from "./model-hub.ts";
import { SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE } from "./test-site.ts";

interface State {
  seq: number;
  body: ResourceBody;
  known: string[];
  conflicts: string[];
  applied: number;
}

/**
 * A hub with one host, whose feed can be asked for, and which can be put back to a backup: what it makes of a recovery is
 * what the rules say (1, 2, 20), in a few lines.
 */
export class FeedHub {
  readonly host: string;
  readonly uplink: ModelHub;
  /** Ids of all writes that were ever made, wherever. */
  readonly lives = ["epoch-1"];
  #state: State;
  #backup: State;
  #writes = 0;

  constructor(host: string) {
    this.host = host;
    const stamps = { name: this.#stamp("first", 1), note: this.#stamp("first", 1) };
    const fields = { name: host, siteId: SITE, desiredState: "HOST_STATE_ONBOARDED", note: "" };
    const body = {
      tenant: TENANT,
      generation: 1,
      createdAt: 1,
      updatedAt: 1,
      creation: "c",
      owner: SITE,
      stamps,
      fields,
    };
    this.#state = { seq: 2, body, known: ["first"], conflicts: [], applied: 0 };
    this.#backup = structuredClone(this.#state);
    this.uplink = new ModelHub({ applies: (entry) => this.#apply(entry), position: () => this.#state.seq });
  }

  get body(): ResourceBody {
    return this.#state.body;
  }

  /** Ids of writes that the hub still knows of: applied, or kept as a value of a conflict. */
  get known(): ReadonlySet<string> {
    return new Set([...this.#state.known, ...this.#state.conflicts]);
  }

  write(field: string): string {
    this.#writes += 1;
    const id = `hub-${this.#writes}`;
    this.#set(field, id, id);
    return id;
  }

  backup(): void {
    this.#backup = structuredClone({ ...this.#state, applied: this.uplink.applied.length });
  }

  restore(): void {
    const { seq } = this.#state;
    this.#state = structuredClone(this.#backup);
    this.lives.push(`epoch-${this.lives.length + 1}`);
    this.#state.seq = seq + 1_000;
    this.uplink.beginEpoch(this.lives.at(-1) ?? "", this.#state.applied);
  }

  /** What a scope answers who is at a position of a handle: the whole, when that is of another life. */
  answer(scope: string, from: { readonly handle: string; readonly seq: number } | undefined): FeedBatch {
    const handle = `${this.uplink.epoch}-${scope}`;
    const { seq, body } = this.#state;
    const snapshot = from === undefined || from.handle !== handle;
    const row: FeedChange = { is: "row", kind: "host", id: this.host, seq, body: JSON.stringify(body) };
    const changes = scope === TENANT_SCOPE ? [siteRow()] : [row, ...this.#conflictRow()];
    return { scope, handle, position: `${seq}_0`, snapshot, changes };
  }

  #conflictRow(): FeedChange[] {
    const { seq, conflicts } = this.#state;
    if (conflicts.length === 0) return [];
    const values = conflicts.map((write) => ({ write, value: 1, by: SITE, actor: "a", at: 1, standing: false }));
    const body = { tenant: TENANT, kind: "host", resourceId: this.host, field: "name", openedAt: 1, values };
    return [{ is: "row", kind: "conflict", id: "conflict-1", seq, body: JSON.stringify(body) }];
  }

  #apply(entry: UplinkEntry): Omit<EntryOutcome, "seq"> | undefined {
    if (entry.type === "edit") return this.#edit(entry);
    if (entry.type === "replica-row" && entry.kind === "host") this.#recover(entry);
    if (entry.type === "replica-row" && entry.kind === "conflict") {
      const { values } = entry.body as ConflictBody;
      this.#state.conflicts.push(...values.map(({ write }) => write).filter((write) => !this.known.has(write)));
    }
    return undefined;
  }

  #edit({ intent, field, base, value }: EditIntent): Omit<EntryOutcome, "seq"> {
    const stands = this.#state.body.stamps[field]?.id;
    if (stands === base) this.#set(field, intent, value);
    else if (stands !== intent) {
      this.#state.conflicts.push(intent);
      this.#state.seq += 1;
    }
    const result = stands === base || stands === intent ? "applied" : "conflict";
    return { result, intent, at: { scope: SITE_SCOPE, seq: this.#state.seq } };
  }

  #recover({ body }: ReplicaRowEntry): void {
    const held = body as ResourceBody;
    for (const [field, stamp] of Object.entries(held.stamps)) {
      if (this.known.has(stamp.id)) continue;
      const ours = this.#state.body.stamps[field];
      const isUnchanged = ours?.epoch !== this.uplink.epoch;
      const isLater = ours === undefined || this.#order(stamp) > this.#order(ours);
      if (isUnchanged && isLater) this.#adopt(field, stamp, held.fields[field]);
      else this.#state.conflicts.push(stamp.id);
    }
    this.#state.seq += 1;
  }

  #adopt(field: string, stamp: Stamp, value: unknown): void {
    const { body, known } = this.#state;
    const generation = Math.max(body.generation, stamp.generation);
    const fields = { ...body.fields, [field]: value };
    this.#state.body = { ...body, generation, fields, stamps: { ...body.stamps, [field]: stamp } };
    known.push(stamp.id);
  }

  #order({ epoch, generation }: Stamp): number {
    return this.lives.indexOf(epoch) * 1_000_000 + generation;
  }

  #set(field: string, id: string, value: unknown): void {
    this.#state.seq += 1;
    const generation = this.#state.body.generation + 1;
    this.#adopt(field, this.#stamp(id, generation), value);
    this.#state.body = { ...this.#state.body, generation };
  }

  #stamp(id: string, generation: number): Stamp {
    return { id, epoch: this.lives.at(-1) ?? "", generation };
  }
}
