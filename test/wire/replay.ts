import { batchHash, type UplinkBatch } from "@holdfast/protocol";
import { expect } from "vitest";
import { type Json, request } from "../world/request.ts";
import type { World } from "../world/world.ts";
import { type Act, Acting, type FeedRow, type RecordedAct, rowsFor } from "./acts.ts";
import { Pairs } from "./pairs.ts";
import { missingFrom, type RecordedRequest, type SiteRecording } from "./recording.ts";

const PROJECT = "/v1/projects/default";

/** A recorded site that speaks to the hub of today, word for word as it did, but for ids. */
export class Replay {
  readonly #world: World;
  readonly #recorded: SiteRecording;
  readonly #version: number;
  readonly #acting: Acting;
  readonly #pairs = new Pairs();
  /** What the hub has shown the site, row by row, as its shapes had it. */
  readonly #seen: Json[] = [];
  #previous = "";
  #last: UplinkBatch = { stream: { epoch: "", incarnation: 1 }, first: 1, previous: "", sealedAt: 0, entries: [] };
  #token = "";

  constructor(world: World, recorded: SiteRecording, version: number) {
    this.#world = world;
    this.#recorded = recorded;
    this.#version = version;
    this.#acting = new Acting(world);
  }

  get site(): string {
    return this.#pairs.nowOf(this.#recorded.ids.site);
  }

  /** All that was recorded, and then entries that were not. */
  async run(more: readonly object[] = []): Promise<void> {
    const { requests, ids } = this.#recorded;
    await this.#register(["oslo", ids.site], ...(ids.otherSite ? [["bergen", ids.otherSite] as const] : []));
    const session = await this.#call("GET", "/v1/sites/self");
    const recorded = requests.find(({ path }) => path === "/v1/sites/self")?.answer;
    expect(missingFrom(session.body, recorded)).toEqual([]);
    this.#pairs.pair(recorded, session.body);
    const acts = actsOf(this.#recorded);
    for (let at = 0; at <= requests.length; at += 1) {
      for (const act of acts.filter(({ before }) => before === at)) await this.#act(act);
      const sent = requests[at];
      if (sent?.body) await this.#send(sent);
    }
    if (more.length > 0) await this.#sendMore(more);
  }

  /** What the recorded hub showed, and this one shows not at all or not so that the recorded site could read it. */
  unshown(): string[] {
    const rows = this.#recorded.requests.flatMap(({ answer }) => (Array.isArray(answer) ? answer : []));
    return rows
      .filter((row: Json) => row.value?.body)
      .filter((row: Json) => {
        const isSame = (seen: Json) =>
          seen.value.kind === row.value.kind &&
          missingFrom(seen, row).length === 0 &&
          missingFrom(JSON.parse(seen.value.body), JSON.parse(row.value.body)).length === 0;
        return !this.#seen.some(isSame);
      })
      .map((row: Json) => `${row.value.kind} ${row.value.id}`);
  }

  /** The hosts that the recorded hub showed in the end, under their ids of now. */
  shown(): Json[] {
    return this.#pairs.apply(this.#recorded.shows) as Json[];
  }

  async #register(...sites: readonly (readonly [name: string, id: string])[]): Promise<void> {
    for (const [name, id] of sites) {
      const region = await this.#world.hub.ask("POST", `${PROJECT}/regions`, { name: `region of ${name}` });
      const made = await this.#world.hub.ask("POST", `${PROJECT}/sites`, { name, regionId: region.resourceId });
      this.#pairs.pair(id, made.resourceId);
    }
    this.#token = (await this.#world.hub.ask("POST", `${PROJECT}/sites/${this.site}/tokens`, {})).token;
  }

  #call(method: string, path: string, body?: unknown) {
    const headers = { "holdfast-protocol": String(this.#version), "holdfast-capabilities": "" };
    return request(`${this.#world.hub.url}${path}`, { method, token: this.#token, body, headers });
  }

  async #act({ before: _, answer, rows = [], ...act }: RecordedAct): Promise<void> {
    const now = await this.#acting.do(this.#pairs.apply(act as Act));
    this.#pairs.pair(answer, now);
    const of = { site: this.site, tenant: this.#pairs.nowOf(this.#recorded.ids.tenant) };
    this.#pairs.pairRows(rows, await rowsFor(this.#world, of));
    await this.#look();
  }

  async #send({ path, body, status, answer }: RecordedRequest): Promise<void> {
    const said = this.#pairs.apply(body) as UplinkBatch;
    const isBatch = path.endsWith("/uplink");
    const sent = isBatch ? { ...said, previous: said.first === 1 ? "" : this.#previous } : said;
    const reply = await this.#call("POST", this.#pairs.apply(path), sent);
    const results = (outcomes: Json[] = []) => outcomes.map(({ seq, result }) => ({ seq, result }));
    const { cursor, outcomes } = reply.body;
    expect({ path, status: reply.status, cursor, outcomes: results(outcomes) }).toEqual({
      ...{ path, status, cursor: answer.cursor, outcomes: results(answer.outcomes) },
    });
    expect(missingFrom(reply.body, answer)).toEqual([]);
    if (isBatch) {
      this.#last = sent;
      this.#previous = batchHash(sent);
    }
    if (answer.ids) this.#pairs.lend(answer.ids.first, reply.body.ids.first, answer.ids.count);
    this.#pairs.pair(answer.outcomes, outcomes);
    await this.#look();
  }

  async #sendMore(entries: readonly object[]): Promise<void> {
    const sealed = { ...this.#last, first: this.#last.first + this.#last.entries.length, entries: [...entries] };
    const batch = { ...sealed, previous: this.#previous };
    expect((await this.#call("POST", `/v1/sites/${this.site}/uplink`, batch)).status).toBe(200);
  }

  /** As a site that follows anew: both scopes whole. */
  async #look(): Promise<void> {
    const tenant = this.#pairs.nowOf(this.#recorded.ids.tenant);
    for (const scope of [`tenant:${tenant}`, `site:${this.site}`]) {
      const query = new URLSearchParams({ table: "feed", where: "scope = $1", "params[1]": scope, offset: "-1" });
      const shape = await this.#call("GET", `/v1/shape?${query}`);
      expect(shape.status).toBe(200);
      this.#seen.push(...shape.body.filter((message: Json) => message.value));
    }
  }
}

/** Of version 1 no acts were kept; what its site said tells what its operators had done. */
function actsOf({ acts, ids, requests }: SiteRecording): readonly RecordedAct[] {
  if (acts) return acts;
  const os = { name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) };
  const instance = {
    ...{ name: "web", kind: "INSTANCE_KIND_METAL", securityFeature: "SECURITY_FEATURE_NONE" },
    ...{ hostID: ids.host, osID: ids.os },
  };
  const ask = (before: number, method: string, path: string, body?: Json, more: Partial<RecordedAct> = {}) =>
    ({ before, do: "ask", method, path: `${PROJECT}${path}`, ...(body ? { body } : {}), ...more }) as RecordedAct;
  const enrolled = requests.findIndex(({ answer }) => answer?.cursor === 4) + 1;
  const releases = requests.flatMap(({ body }, before) =>
    ((body?.entries ?? []) as Json[])
      .filter(({ type }) => type === "release")
      .map(({ kind, id, stamp }) => {
        const rows: FeedRow[] = [{ kind, id, body: { stamps: { desiredState: { id: stamp } } } }];
        return ask(before, "DELETE", `/compute/${kind}s/${id}`, undefined, { rows });
      }),
  );
  return [
    ask(0, "POST", "/compute/os", os, { answer: { resourceId: ids.os } }),
    ask(enrolled, "POST", "/compute/instances", instance, { answer: { resourceId: ids.instance } }),
    ...releases,
    ask(requests.length, "POST", `/sites/${ids.site}/enrolment-tokens`, {}),
  ];
}
