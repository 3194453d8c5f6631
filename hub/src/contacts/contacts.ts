import type { Store } from "@holdfast/inventory";
import type { SiteContact } from "@holdfast/inventory/api/situation";
import { type Clock, type Closable, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import { startChore } from "../chore.ts";
import { loadNotes, type Note, saveNotes } from "./notes.ts";
import { type Heard, type Hearing, hearing, type Moment } from "./silence.ts";

const LOOKED_EVERY = seconds(10);
/** How far behind the notes on disk may be, milliseconds. */
const NOTED_EVERY = minutes(1);
/** How long a held request may be idle before the connection is asked whether it still is one. */
const ALIVE_AFTER = seconds(15);

/** Which sites are heard, and since when the others are not (rule 13). */
export interface Contacts extends Closable {
  /** A site has sent something, by that version of the protocol when it said so. */
  heard(site: string, protocol?: number): void;
  /**
   * A site holds a request open, over a connection that is watched from then on. Returns how to say that it does not any
   * more; saying that twice is saying it once.
   */
  opened(site: string, on?: { setKeepAlive(enable: boolean, after: number): unknown }): () => void;
  /** A site was turned away for the version that it speaks: it is not heard by that (rule 23). */
  refused(site: string, refusal: { readonly protocol: number; readonly reason: string }): void;
  /** Undefined for a site that was never heard. */
  contactOf(site: string): SiteContact | undefined;
  /** Those that were heard once and are silent now. */
  silentSites(): readonly string[];
  /** What a site speaks, and why it was turned away if it was. */
  linkOf(site: string): Pick<Note, "protocol" | "refusal">;
}

interface Entry extends Heard {
  readonly refusal: Note["refusal"];
}

const NOBODY: Entry = {
  received: undefined,
  closed: undefined,
  open: 0,
  protocol: undefined,
  before: undefined,
  refusal: undefined,
};

/** What was noted before is known at once; noting goes on every minute, and at the end. */
export async function openContacts({
  store,
  clock,
  log,
}: {
  store: Pick<Store, "read" | "write">;
  clock: Clock;
  log: Log;
}): Promise<Contacts> {
  const entries = new Map<string, Entry>();
  /** As the notes on disk have it. */
  const noted = new Map<string, { readonly note: Note; readonly monotonic: number }>();
  /** Those that were silent when it was looked last. */
  const silent = new Set<string>();

  const now = (): Moment => ({ at: clock.now(), monotonic: clock.monotonic() });
  const entryOf = (site: string) => entries.get(site) ?? NOBODY;
  const change = (site: string, changed: Partial<Entry>) => entries.set(site, { ...entryOf(site), ...changed });

  for (const [site, note] of await store.read(loadNotes)) {
    change(site, { before: note.heardAt, protocol: note.protocol, refusal: note.refusal });
    noted.set(site, { note, monotonic: clock.monotonic() });
    if (note.heardAt !== undefined) silent.add(site);
  }

  /** Tells of who fell silent or is heard again. Returns how many those are. */
  function look(moment: Moment): number {
    let turned = 0;
    for (const [site, entry] of entries) {
      const hears = hearing(entry, moment);
      if (hears.is === "silent" && !silent.has(site)) {
        silent.add(site);
        log.info({ site, since: new Date(hears.since).toISOString() }, "a site is silent: its machines are unknown");
        turned += 1;
      }
      if (hears.is === "heard" && silent.delete(site)) {
        log.info({ site }, "a site is heard again");
        turned += 1;
      }
    }
    return turned;
  }

  async function note(moment: Moment, within: number): Promise<void> {
    const due = new Map<string, Note>();
    for (const [site, entry] of entries) {
      const before = noted.get(site);
      const fresh = noteOf(entry, hearing(entry, moment));
      if (before && JSON.stringify(before.note) === JSON.stringify(fresh)) continue;
      const isLate = !before || moment.monotonic - before.monotonic >= within;
      if (isLate || silent.has(site) || before.note.refusal?.at !== fresh.refusal?.at) due.set(site, fresh);
    }
    if (due.size === 0) return;
    await store.write((tx) => saveNotes(tx, due));
    for (const [site, fresh] of due) noted.set(site, { note: fresh, monotonic: moment.monotonic });
  }

  const chore = startChore(
    {
      name: "note which sites are heard",
      every: LOOKED_EVERY,
      async work() {
        const moment = now();
        look(moment);
        await note(moment, NOTED_EVERY);
        return 0;
      },
    },
    { clock, log },
  );

  return {
    heard(site, protocol = entryOf(site).protocol) {
      change(site, { received: now(), protocol, refusal: undefined });
    },
    opened(site, on) {
      on?.setKeepAlive(true, ALIVE_AFTER);
      change(site, { received: now(), open: entryOf(site).open + 1 });
      let isOpen = true;
      return () => {
        if (isOpen) change(site, { closed: now(), open: entryOf(site).open - 1 });
        isOpen = false;
      };
    },
    refused(site, { protocol, reason }) {
      change(site, { protocol, refusal: { reason, at: clock.now() } });
    },
    contactOf(site) {
      const entry = entries.get(site);
      const hears = entry && hearing(entry, now());
      if (!hears || hears.is === "never-heard") return undefined;
      return hears.is === "heard" ? { heardAt: hears.at } : { heardAt: hears.since, silentSince: hears.since };
    },
    silentSites() {
      const moment = now();
      return [...entries].flatMap(([site, entry]) => (hearing(entry, moment).is === "silent" ? [site] : []));
    },
    linkOf(site) {
      const { protocol, refusal } = entryOf(site);
      return { protocol, refusal };
    },
    async close() {
      await chore.close();
      await note(now(), 0).catch((error: unknown) => {
        log.warn({ error: messageOf(error) }, "which sites were heard last could not be noted");
      });
    },
  };
}

function noteOf({ protocol, refusal }: Entry, hears: Hearing): Note {
  const heardAt = hears.is === "heard" ? hears.at : hears.is === "silent" ? hears.since : undefined;
  return { heardAt, protocol, refusal };
}
