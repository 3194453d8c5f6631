import { Fault } from "@holdfast/runtime";
import { hash, verify } from "@node-rs/argon2";

/** What a guess costs, and how much of that the hub does at once. */
export interface PasswordCost {
  /** Memory that one hash takes. */
  readonly memoryKib: number;
  readonly passes: number;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Whether it is the password of a hash; takes as long for no hash at all, and says no. */
  matches(password: string, hash: string | undefined): Promise<boolean>;
}

/** At once; each has a thread of the four that the whole process shares, and its memory. */
const AT_ONCE = 2;
/** Waiting for these: with more of them the last would have waited for seconds. */
const WAITING = 32;

const SHORTEST = 8;
const LONGEST = 1_000;

/** Throws InvalidArgument naming what is wrong with a password that somebody chose. */
export function checkPassword(password: string): void {
  if (password.length < SHORTEST || password.length > LONGEST) {
    throw new Fault("InvalidArgument", `the password must have from ${SHORTEST} to ${LONGEST} characters`);
  }
}

/**
 * Hashes by argon2id (RFC 9106), off the event loop. Few at once: whoever sends passwords by the thousand takes nothing from
 * those who are signed in. Throws Unavailable when too many wait already.
 */
export function createPasswords({ memoryKib: memoryCost, passes: timeCost }: PasswordCost): Passwords {
  const options = { memoryCost, timeCost, parallelism: 1 };
  const waiting: (() => void)[] = [];
  let busy = 0;
  let nobody: Promise<string> | undefined;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (busy >= AT_ONCE) {
      if (waiting.length >= WAITING) throw new Fault("Unavailable", "too many sign in at once, try again later");
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else busy += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else busy -= 1;
    }
  }

  return {
    hash: (password) => inTurn(() => hash(password, options)),
    matches: (password, known) =>
      inTurn(async () => {
        if (password.length > LONGEST) return false;
        nobody ??= hash("nobody's password", options);
        const matches = await verify(known ?? (await nobody), password);
        return known !== undefined && matches;
      }),
  };
}
