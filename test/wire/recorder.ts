import type { Json } from "../world/request.ts";
import type { WorldSite } from "../world/site.ts";
import type { Carried } from "../world/wan.ts";
import type { World } from "../world/world.ts";
import { type Act, Acting, type RecordedAct, rowsFor } from "./acts.ts";
import { type Exchange, tapHttp } from "./http-tap.ts";
import { tapMqtt } from "./mqtt-tap.ts";
import type { RecordedPacket, RecordedRequest } from "./recording.ts";

/** Headers that belong to the protocol. */
const KEPT = /^(content-type|cache-control|retry-after|electric-.*|holdfast-.*)$/;

/** A site whose talk with its hub is recorded, together with what operators do at the hub meanwhile. */
export class SiteRecorder {
  readonly requests: RecordedRequest[] = [];
  readonly acts: RecordedAct[] = [];
  readonly #acting: Acting;
  readonly #world: World;
  #of = { site: "", tenant: "" };
  #rows: ReadonlySet<string> = new Set();

  constructor(world: World) {
    this.#world = world;
    this.#acting = new Acting(world);
  }

  readonly take = ({ method, url, headers, body, answer }: Carried): void => {
    const { status, text } = answer;
    if (/^(:.*\n?)*$/.test(text)) return; // An event that says no more than that the link is there.
    this.requests.push({
      method,
      path: decodeURIComponent(`${url.pathname}${url.search}`),
      headers: keptOf(headers),
      body: body === undefined ? null : JSON.parse(body),
      status,
      answerHeaders: keptOf(answer.headers),
      answer: answerIn(text),
    });
  };

  /** From now on each act keeps what this site may read then. */
  follow(of: { readonly site: string; readonly tenant: string }): void {
    this.#of = of;
  }

  async act(act: Act): Promise<Json> {
    const before = this.requests.length;
    const answer = await this.#acting.do(act);
    const rows = await rowsFor(this.#world, this.#of);
    this.acts.push({ before, ...act, answer, rows: rows.filter((row) => !this.#rows.has(JSON.stringify(row))) });
    this.#rows = new Set(rows.map((row) => JSON.stringify(row)));
    return answer;
  }
}

/** A JSON body, or one event of a stream; null when it has none. */
function answerIn(text: string): Json {
  if (!text.startsWith("{") && !text.startsWith("[")) {
    const data = text.split("\n").flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trim()] : []));
    return data.length === 0 ? null : data.map((each) => JSON.parse(each));
  }
  return JSON.parse(text);
}

function keptOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => KEPT.test(name)));
}

/** What one machine says to its site: over HTTP, and packet by packet. */
export interface MachineTalk {
  readonly exchanges: Exchange[];
  readonly packets: RecordedPacket[];
}

/** A site as a machine reaches it, with somebody listening in. */
export async function tapped(site: WorldSite) {
  const talk: MachineTalk = { exchanges: [], packets: [] };
  const http = await tapHttp(
    () => site.ports.site,
    (exchange) => talk.exchanges.push(exchange),
  );
  const mqtt = await tapMqtt(
    () => site.ports.mqtt,
    (packet) => talk.packets.push(packet),
  );
  const facade: WorldSite = Object.create(site, { ports: { value: { site: http.port, mqtt: mqtt.port } } });
  return { site: facade, talk, close: () => Promise.all([http.close(), mqtt.close()]) };
}
