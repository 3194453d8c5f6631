import { CONTACT_EVERY, type Contact, ContactReply } from "@holdfast/protocol/session";
import { UplinkRefusal, type Witness } from "@holdfast/protocol/uplink";
import { messageOf, seconds } from "@holdfast/runtime";
import { Compile } from "typebox/compile";
import { readWitness } from "../outbox/witness.ts";
import type { HubLink } from "./hub-link.ts";
import { type RestreamOptions, restream } from "./restream.ts";

const replyShape = Compile(ContactReply);
const refusalShape = Compile(UplinkRefusal);

const ANSWERS_WITHIN = seconds(20);
/** After a contact that failed: what is broken shows soon enough, and so does that it is whole again. */
const TRY_AGAIN_AFTER = seconds(60);

export interface ContactOptions extends RestreamOptions {
  readonly link: HubLink;
  /** Told which version of the protocol the hub speaks, whenever it says so. */
  readonly onVersion?: (protocol: number) => void;
}

export interface Contacting {
  /** The hub has taken something from this site: it need not be told soon that the site is there. */
  sent(): void;
  /** Tells the hub at once what it has signed: it may have lost it. */
  now(): void;
  close(): Promise<void>;
}

/** Tells the hub that the site is there when it has said nothing for a while, in as few bytes as it can. */
export function startContact(options: ContactOptions): Contacting {
  const { store, link, site, clock, log } = options;
  const stopped = new AbortController();
  let lastSent = clock.monotonic();
  let told = "";
  let isUrgent = false;
  let wake = () => {};

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const wait = isUrgent ? 0 : lastSent + CONTACT_EVERY - clock.monotonic();
      if (wait > 0) {
        await sleep(wait);
        continue;
      }
      isUrgent = false;
      try {
        await contact();
        lastSent = clock.monotonic();
      } catch (error) {
        if (stopped.signal.aborted) return;
        log.debug({ error: messageOf(error) }, "the hub was not reached");
        lastSent = clock.monotonic() - CONTACT_EVERY + TRY_AGAIN_AFTER;
      }
    }
  }

  async function sleep(wait: number): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    await clock.sleep(wait, AbortSignal.any([stopped.signal, woken.signal])).catch(() => undefined);
  }

  async function contact(): Promise<void> {
    const witness = await store.read(readWitness);
    const text = JSON.stringify(bodyOf(witness, told));
    const request = { body: text, within: ANSWERS_WITHIN, signal: stopped.signal };
    const { status, body } = await link.ask(`/v1/sites/${site}/contact`, request);
    if (status === 200 && replyShape.Check(body)) {
      told = JSON.stringify(witness ?? null);
      // A hub of another life that takes no notice of ours.
      await restream(options, { reason: "epoch", epoch: body.epoch });
      if (body.protocol !== undefined) options.onVersion?.(body.protocol);
      return;
    }
    if (status === 409 && refusalShape.Check(body) && body.reason === "epoch") {
      await restream(options, { reason: "epoch", epoch: body.epoch });
      return;
    }
    throw new Error(`the hub answered ${status}`);
  }

  const running = run();
  return {
    sent: () => {
      lastSent = clock.monotonic();
    },
    now: () => {
      isUrgent = true;
      told = "";
      wake();
    },
    close: async () => {
      stopped.abort(new Error("stopped"));
      await running;
    },
  };
}

/** What the hub has seen already is not shown to it again. */
function bodyOf(witness: Witness | undefined, told: string): Contact {
  return witness === undefined || JSON.stringify(witness) === told ? {} : { witness };
}
