import { randomUUID } from "node:crypto";
import { type Link, openLink } from "@holdfast/agent/link";
import { decode, encode } from "@holdfast/protocol/messages";
import { CALL, DOWN, type PowerCall, UP } from "@holdfast/protocol/topics";
import { silentLog } from "@holdfast/runtime";

interface Identity {
  readonly siteId: string;
  readonly hostId: string;
  readonly secret: string;
}

const TAKEN_WITHIN = 5_000;

/** A machine at the site, as its agent is seen by the broker: it reports its hardware, and counts how it is switched. */
export class Machine {
  readonly identity: Identity;
  readonly #port: () => number;
  #link: Link | undefined;
  /** How often each command was carried out, by its id: more than once is never right. */
  readonly carriedOut = new Map<string, number>();

  constructor(identity: Identity, port: () => number) {
    this.identity = identity;
    this.#port = port;
  }

  /** Says under which name it runs. Answers whether the site has acknowledged it. */
  async report(hostname: string): Promise<boolean> {
    try {
      const link = await this.#connected();
      const payload = encode("HardwareReport", {
        ...{ schema: 1, hash: Buffer.from(hostname).toString("hex").padEnd(64, "0").slice(0, 64) },
        ...{ memory: { bytes: 1_000_000_000 }, os: { hostname, name: "Debian", version: "13", kernel: "6.12.0" } },
        ...{ storages: [], nics: [] },
      } as unknown as Parameters<typeof encode<"HardwareReport">>[1]);
      await this.#within(link, link.publish(UP.hardware, payload, { qos: 1, retain: true }));
      return true;
    } catch {
      return false;
    }
  }

  leave(): void {
    this.#link?.cut();
    this.#link = undefined;
  }

  async #connected(): Promise<Link> {
    if (this.#link) return this.#link;
    const { siteId, hostId, secret } = this.identity;
    const link: Link = openLink({
      address: { host: "127.0.0.1", port: this.#port(), siteId, hostId, secret },
      ...{ session: randomUUID(), bootId: "boot-1", log: silentLog },
      onMessage: (leaf, payload) => this.#told(link, leaf, payload),
    });
    void link.over.then(() => {
      if (this.#link === link) this.#link = undefined;
    });
    await this.#within(link, link.up);
    this.#link = link;
    return link;
  }

  #told(link: Link, leaf: string, payload: Uint8Array): void {
    const [first, request = "", operation] = leaf.split("/");
    if (first === DOWN.requests.split("/")[0] && operation === CALL.power) {
      const { id } = JSON.parse(decode("Call", payload).arguments ?? "{}") as PowerCall;
      this.carriedOut.set(id, (this.carriedOut.get(id) ?? 0) + 1);
      link
        .publish(UP.result(request), encode("CallResult", { ok: true, refused: false, value: "null" }), { qos: 1 })
        .catch(() => undefined);
    }
    if (leaf !== DOWN.desired || payload.length === 0) return;
    const { version, generation } = decode("Desired", payload);
    if (!version) return;
    const reported = encode("Reported", { version, state: "APPLIED", generation });
    link.publish(UP.reported, reported, { qos: 1, retain: true }).catch(() => undefined);
  }

  /** A site whose disk takes nothing gives no answer: a machine does not wait for it for ever. */
  async #within<T>(link: Link, asked: Promise<T>): Promise<T> {
    const late = setTimeout(() => link.cut(), TAKEN_WITHIN);
    try {
      return await asked;
    } finally {
      clearTimeout(late);
    }
  }
}
