import { readdirSync, readFileSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { type Log, messageOf } from "@holdfast/runtime";
import { removeDurably, UNFINISHED, writeDurably } from "@holdfast/runtime/durable-file";
import { Type } from "typebox";
import { privateDirectory, readDocument, setAside, writeDocument } from "./durable-file.ts";
import { decodeSpoolFile, encodeSpoolFile, type SpoolMessage } from "./spool-file.ts";

export interface SpoolOptions {
  readonly directory: string;
  readonly log: Log;
  readonly bounds?: SpoolBounds;
  /** The site has this message. Called before it leaves the spool, so that a crash in between tells it again. Must not throw. */
  readonly onDelivered?: (message: SpoolMessage) => void;
}

export interface SpoolBounds {
  readonly bytes: number;
  readonly messages: number;
}

/** Hands one message over; resolves once the site has it, rejects when the connection was lost before. */
export type Send = (message: SpoolMessage) => Promise<void>;

/** What could not be sent yet, on disk: survives being killed at any moment, and never grows beyond its bounds. */
export interface Spool {
  /** Durable when it returns. Makes room by dropping the oldest. Throws when the disk refuses. */
  put(message: SpoolMessage): void;
  /** The unsent message of a key. */
  pending(key: string): { readonly note: string | undefined } | undefined;
  /** Sends through this connection, what is there and what comes, until `detach`. */
  attach(send: Send): void;
  detach(): void;
  /** Measurements dropped and not yet told to the site. */
  readonly dropped: number;
  /** These have been told. */
  toldDropped(count: number): void;
  readonly size: { readonly bytes: number; readonly messages: number };
}

interface Entry {
  readonly sequence: number;
  readonly path: string;
  readonly bytes: number;
  readonly key: string | undefined;
  readonly note: string | undefined;
  readonly points: number;
  inFlight: boolean;
  /** How often the connection broke while this was on its way. */
  losses: number;
}

const BOUNDS: SpoolBounds = { bytes: 8 * 1024 * 1024, messages: 2_048 };
const IN_FLIGHT_MOST = 16;
/** From here on a message may be what breaks the connection: it is sent alone and last. */
const SUSPECT_AFTER = 3;
const UNDELIVERABLE_AFTER = 10;
const SET_ASIDE_MOST = 16;
const MESSAGE_FILE = /^(\d{16})\.message$/;

const Dropped = Type.Object({ points: Type.Integer({ minimum: 0 }) });

/** Opens the spool in a directory. Files that are not whole are set aside and reported. */
export function openSpool({ directory, log, bounds = BOUNDS, onDelivered }: SpoolOptions): Spool {
  privateDirectory(directory);
  const droppedFile = join(directory, "dropped.json");
  let dropped = readDocument(droppedFile, Dropped, log)?.points ?? 0;
  const { entries, next } = load(directory, log);
  let sequence = next;
  let send: Send | undefined;

  /** Of a disk that takes no note, only a restart knows less than it should. */
  function countDropped(count: number): void {
    if (count === 0) return;
    dropped = Math.max(0, dropped + count);
    try {
      writeDocument(droppedFile, { points: dropped });
    } catch (error) {
      log.warn({ dropped, error: messageOf(error) }, "how much was dropped is not noted on disk");
    }
  }

  function forget(entry: Entry): void {
    const at = entries.indexOf(entry);
    if (at !== -1) entries.splice(at, 1);
  }

  /** Whatever the disk says, it is not sent again by this process. */
  function remove(entry: Entry): void {
    forget(entry);
    try {
      removeDurably(entry.path);
    } catch (error) {
      const { path: file } = entry;
      log.warn({ file, error: messageOf(error) }, "a spooled message cannot be removed; a restart will send it again");
    }
  }

  function makeRoom(): void {
    let lost = 0;
    let points = 0;
    for (;;) {
      if (entries.length <= bounds.messages && total(entries) <= bounds.bytes) break;
      // Measurements go before states: a state is wanted however old it is.
      const idle = entries.filter((entry) => !entry.inFlight);
      const victim = idle.find((entry) => entry.points > 0) ?? idle[0];
      if (victim === undefined) break;
      remove(victim);
      lost += 1;
      points += victim.points;
    }
    countDropped(points);
    if (lost > 0) log.warn({ lost, points, ...bounds }, "the spool is full; the oldest messages were dropped");
  }

  function nextToSend(): Entry | undefined {
    const flying = entries.filter((entry) => entry.inFlight);
    if (flying.length >= IN_FLIGHT_MOST) return undefined;
    if (flying.some((entry) => entry.losses >= SUSPECT_AFTER)) return undefined;
    const idle = entries.filter((entry) => !entry.inFlight && !waitsForItsKey(entry, flying));
    const sound = idle.find((entry) => entry.losses < SUSPECT_AFTER);
    return sound ?? (flying.length === 0 ? idle[0] : undefined);
  }

  function fill(): void {
    for (let entry = send && nextToSend(); entry !== undefined; entry = send && nextToSend()) void transmit(entry);
  }

  async function transmit(entry: Entry): Promise<void> {
    const through = send;
    const message = read(entry);
    if (message === undefined || through === undefined) return;
    entry.inFlight = true;
    const failure = await through(message).then(
      () => undefined,
      (error: unknown) => ({ error: messageOf(error) }),
    );
    entry.inFlight = false;
    if (failure === undefined) {
      onDelivered?.(message);
      remove(entry);
    } else {
      entry.losses += 1;
      log.debug({ leaf: message.leaf, losses: entry.losses, ...failure }, "not delivered, will be sent again");
      if (entry.losses >= UNDELIVERABLE_AFTER) giveUp(entry, message);
    }
    // A link that has just failed is not asked again; by now there may be another.
    if (failure === undefined || send !== through) fill();
  }

  function read(entry: Entry): SpoolMessage | undefined {
    try {
      return decodeSpoolFile(readFileSync(entry.path));
    } catch (error) {
      log.error({ file: entry.path, error: messageOf(error) }, "a spooled message became unreadable; it is left out");
      forget(entry);
      countDropped(entry.points);
      return undefined;
    }
  }

  function giveUp(entry: Entry, message: SpoolMessage): void {
    forget(entry);
    countDropped(entry.points);
    let keptAs: string | undefined;
    try {
      keptAs = setAside(entry.path);
    } catch (error) {
      log.warn({ file: entry.path, error: messageOf(error) }, "a spooled message cannot be set aside");
    }
    log.error(
      { leaf: message.leaf, keptAs, bytes: entry.bytes },
      "the connection broke each time this message was sent",
    );
  }

  return {
    put: (message) => {
      const path = join(directory, `${String(sequence).padStart(16, "0")}.message`);
      const content = encodeSpoolFile(message);
      writeDurably(path, content);
      const { key, note, points = 0 } = message;
      const replaced = entries.filter((entry) => key !== undefined && entry.key === key && !entry.inFlight);
      entries.push({ sequence, path, bytes: content.length, key, note, points, inFlight: false, losses: 0 });
      sequence += 1;
      for (const old of replaced) remove(old);
      makeRoom();
      fill();
    },
    pending: (key) => entries.findLast((entry) => entry.key === key),
    attach: (given) => {
      send = given;
      fill();
    },
    detach: () => {
      send = undefined;
    },
    get dropped() {
      return dropped;
    },
    toldDropped: (count) => countDropped(-count),
    get size() {
      return { bytes: total(entries), messages: entries.length };
    },
  };
}

/** Of two unsent messages of one key, left by a crash, only the later is kept. */
function load(directory: string, log: Log): { entries: Entry[]; next: number } {
  const entries: Entry[] = [];
  let next = 1;
  const names = readdirSync(directory).sort();
  const aside = names.filter((name) => name.includes(".corrupt-"));
  for (const name of aside.slice(0, -SET_ASIDE_MOST)) unlinkSync(join(directory, name));
  for (const name of names) {
    const path = join(directory, name);
    if (name.endsWith(UNFINISHED)) unlinkSync(path);
    const sequence = Number(MESSAGE_FILE.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(sequence)) continue;
    next = Math.max(next, sequence + 1);
    try {
      const { key, note, points = 0 } = decodeSpoolFile(readFileSync(path));
      const bytes = statSync(path).size;
      const earlier = entries.findIndex((entry) => key !== undefined && entry.key === key);
      for (const old of earlier === -1 ? [] : entries.splice(earlier, 1)) removeDurably(old.path);
      entries.push({ sequence, path, bytes, key, note, points, inFlight: false, losses: 0 });
    } catch (error) {
      const keptAs = setAside(path);
      log.error({ file: path, keptAs, reason: messageOf(error) }, "a spooled message is corrupt; it was set aside");
    }
  }
  return { entries, next };
}

function waitsForItsKey(entry: Entry, flying: readonly Entry[]): boolean {
  return entry.key !== undefined && flying.some((other) => other.key === entry.key);
}

function total(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.bytes, 0);
}
