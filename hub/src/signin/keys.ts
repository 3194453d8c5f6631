import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, Fault, hours, messageOf, systemCode } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { LONGEST_SESSION_HOURS } from "./config.ts";

/** By what the issuer signs. */
export const ALGORITHM = "ES256";

/** As long as any token may live, whatever is set now: for so long a key that another replaced is good for what it signed. */
export const LONGEST_SESSION = hours(LONGEST_SESSION_HOURS);

export interface SigningKey {
  readonly id: string;
  readonly sign: CryptoKey;
  readonly verify: CryptoKey;
  /** As everybody may see it. */
  readonly published: JWK;
}

/** The issuer's keys, the one that signs first. */
export interface Keys {
  signing(): Promise<SigningKey>;
  /** Undefined for an id that is none of ours, any more. */
  withId(id: string): Promise<SigningKey | undefined>;
  all(): Promise<readonly SigningKey[]>;
}

/** One key as the file holds it. */
interface KeptKey {
  readonly jwk: JWK & { readonly kid: string };
  /** Milliseconds since the epoch; null: it signs. */
  readonly retiredAt: number | null;
}

const FILE = "signin-keys.json";

/** The keys of a home; the first is made when there is none. What another process rotated counts from the next question on. */
export async function openKeys(home: string, clock: Pick<Clock, "now">): Promise<Keys> {
  const path = join(home, FILE);
  if (readKept(path).length === 0) writeKept(path, [await makeKey()]);
  let read = "";
  let held: readonly { readonly kept: KeptKey; readonly key: SigningKey }[] = [];

  async function current(): Promise<readonly SigningKey[]> {
    const seen = stateOf(path);
    if (seen !== read) {
      held = await Promise.all(readKept(path).map(async (kept) => ({ kept, key: await usable(kept.jwk) })));
      read = seen;
    }
    const now = clock.now();
    return held.filter(({ kept }) => stands(kept, now)).map(({ key }) => key);
  }

  await current();
  return {
    all: current,
    withId: async (id) => (await current()).find((key) => key.id === id),
    async signing() {
      const [first] = await current();
      if (!first) throw new Fault("Internal", `${path} holds no key`);
      return first;
    },
  };
}

export interface NewKey {
  readonly id: string;
  /** Ids of those by which nothing is good any more. */
  readonly forgotten: readonly string[];
  /** Signs by it from now on, in a hub that runs too. */
  readonly install: () => void;
}

/** A new key to sign by. What the older ones have signed stays good for its time, or ends with them when they are forgotten. */
export async function newKey(home: string, now: number, older: "kept" | "forgotten"): Promise<NewKey> {
  const path = join(home, FILE);
  const fresh = await makeKey();
  const known = readKept(path).filter((each) => stands(each, now));
  const kept = older === "kept" ? known.map(({ jwk, retiredAt }) => ({ jwk, retiredAt: retiredAt ?? now })) : [];
  return {
    id: fresh.jwk.kid,
    forgotten: older === "kept" ? [] : known.map(({ jwk }) => jwk.kid),
    install: () => writeKept(path, [fresh, ...kept]),
  };
}

/** Whether something that a key has signed can still be good. */
function stands({ retiredAt }: KeptKey, now: number): boolean {
  return retiredAt === null || now - retiredAt < LONGEST_SESSION;
}

async function makeKey(): Promise<KeptKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const kid = randomBytes(12).toString("base64url");
  return { jwk: { ...(await exportJWK(privateKey)), kid, alg: ALGORITHM, use: "sig" }, retiredAt: null };
}

async function usable(jwk: KeptKey["jwk"]): Promise<SigningKey> {
  const { d: _, ...published } = jwk;
  const [sign, verify] = await Promise.all([importJWK(jwk, ALGORITHM), importJWK(published, ALGORITHM)]);
  if (sign instanceof Uint8Array || verify instanceof Uint8Array) throw new TypeError("the key is not asymmetric");
  return { id: jwk.kid, sign, verify, published };
}

function readKept(path: string): readonly KeptKey[] {
  try {
    return JSON.parse(readFileSync(path, "utf8")).keys;
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return [];
    throw new Fault("FailedPrecondition", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function writeKept(path: string, keys: readonly KeptKey[]): void {
  writePrivate(path, JSON.stringify({ keys }));
}

function stateOf(path: string): string {
  const { mtimeMs, ino, size } = statSync(path);
  return `${mtimeMs} ${ino} ${size}`;
}
