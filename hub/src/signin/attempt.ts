import { audit, type Store } from "@holdfast/inventory";
import { networkOf } from "@holdfast/inventory/api/network-of";
import { RateLimits } from "@holdfast/inventory/api/rate-limit";
import type { Clock, Log } from "@holdfast/runtime";
import { type AddressPatience, type Comer, placeOf } from "./address-patience.ts";
import { forgiveName, nameWasWrong, waitForName } from "./name-patience.ts";
import { OAuthFault } from "./oauth-fault.ts";
import type { Passwords } from "./passwords.ts";
import { RefusalsTold } from "./refusals-told.ts";
import type { UserRow } from "./tables.ts";
import { userNamed } from "./users.ts";

export interface Credentials {
  readonly name: string;
  readonly password: string;
  /** From where they came, and with which request. */
  readonly address: string;
  readonly request: string;
}

export interface AttemptParts {
  readonly store: Pick<Store, "read" | "write">;
  readonly passwords: Pick<Passwords, "matches">;
  readonly addresses: AddressPatience;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly log: Log;
}

/** Of an address, where an office may begin its day: each password that is looked at costs time and memory. */
const PASSWORDS = { perSecond: 1, atOnce: 60 };

/** As long as a name can be. */
const NAME = /^[A-Za-z0-9._@-]{1,64}$/;

/**
 * The user of a name and a password. Throws an OAuthFault: 401 in the same words, after the same time, for a wrong password
 * and for a name that nobody has; 429 while the name or the address waits after too many of those. One password a name is
 * looked at at a time, so that a thousand at once are no more guesses than a thousand one after the other.
 */
export function createAttempts({ store, passwords, addresses, clock, log }: AttemptParts) {
  const lasts = new Map<string, Promise<unknown>>();
  const limits = new RateLimits(PASSWORDS, clock);
  const refusals = new RefusalsTold(clock);

  /** Whoever is at home somewhere is not slowed down by others there. */
  function refuseFast(comer: Comer): void {
    if (limits.allows(addresses.isAtHome(comer) ? placeOf(comer) : networkOf(comer.address))) return;
    const more = { status: 429, retryAfter: 1 };
    throw new OAuthFault("slow_down", "too many passwords from this address: one a second is looked at", more);
  }

  async function look({ name, password, address, request }: Credentials): Promise<UserRow> {
    refuseWaiting(addresses.waitFor({ address, name }));
    refuseFast({ address, name });
    const { wait, user } = await store.read(async (view) => ({
      wait: await waitForName(view, name, clock.now()),
      user: NAME.test(name) ? await userNamed(view, name) : undefined,
    }));
    refuseWaiting(wait);
    if (!(await passwords.matches(password, user?.hash)) || !user) {
      addresses.wasWrong({ address, name });
      const untold = refusals.tell(address);
      const waits = await store.write(async (tx) => {
        const at = clock.now();
        const wait = Math.ceil((await nameWasWrong(tx, name, at)) / 1_000);
        if (untold === undefined) return wait;
        const by = { actor: "nobody", address, request };
        const after = { waitsSeconds: wait, ...(untold === 0 ? {} : { othersRefused: untold }) };
        await audit(tx, { by, at, kind: "session", id: name, operation: "refuse", after });
        return wait;
      });
      log.warn({ user: name, address, waits }, "a sign-in was refused");
      throw new OAuthFault("invalid_grant", "the user name or the password is wrong", { status: 401 });
    }
    await store.write((tx) => forgiveName(tx, name));
    if (user.locked_at !== null) throw new OAuthFault("invalid_grant", "this user is locked", { status: 401 });
    addresses.wasRight({ address, name });
    log.info({ user: name, address }, "somebody has signed in");
    return user;
  }

  return async function attempt(given: Credentials): Promise<UserRow> {
    const credentials = { ...given, name: given.name.toLowerCase().slice(0, 65) };
    const before = lasts.get(credentials.name);
    const mine = (before ?? Promise.resolve()).catch(() => undefined).then(() => look(credentials));
    lasts.set(credentials.name, mine);
    try {
      return await mine;
    } finally {
      if (lasts.get(credentials.name) === mine) lasts.delete(credentials.name);
    }
  };
}

export type Attempt = ReturnType<typeof createAttempts>;

function refuseWaiting(wait: number): void {
  if (wait <= 0) return;
  const retryAfter = Math.ceil(wait / 1_000);
  const description = `too many wrong passwords, try again in ${retryAfter} seconds`;
  throw new OAuthFault("slow_down", description, { status: 429, retryAfter });
}
