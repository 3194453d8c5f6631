import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { neededKey, type SecretsKey } from "@holdfast/inventory/store/secrets/key-ring";
import { KEY_BYTES } from "@holdfast/inventory/store/secrets/sealing";
import { Fault, type Log, systemCode } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { openSqliteReadOnly } from "@holdfast/runtime/sqlite";
import { databaseOf } from "../home.ts";

/** What the credential is called, and the file in a home. */
const CREDENTIAL = "holdfast-secrets-key";
const FILE = "secrets-key";

/** No key is longer, however it is written. */
const LONGEST = 1_024;

export interface KeyPlaces {
  readonly home: string;
  readonly secretsKeyFile?: string | undefined;
  readonly credentialsDirectory?: string | undefined;
}

/**
 * The key by which secrets are sealed: from the file that is named, else the system's credential, else the home. Undefined when
 * there is none. Throws FailedPrecondition, naming the place, for what cannot be read or is no key.
 */
export function readSecretsKey({ home, secretsKeyFile, credentialsDirectory }: KeyPlaces): SecretsKey | undefined {
  if (secretsKeyFile !== undefined) return readKey(secretsKeyFile, `--secrets-key-file ${secretsKeyFile}`);
  const credential = credentialsDirectory === undefined ? undefined : join(credentialsDirectory, CREDENTIAL);
  if (credential !== undefined && existsSync(credential)) return readKey(credential, `the credential ${CREDENTIAL}`);
  const path = join(home, FILE);
  return existsSync(path) ? readKey(path, path) : undefined;
}

/**
 * The key of a hub that starts; one is made in the home where there is none and nothing needs one. Throws FailedPrecondition
 * when there is none and the secrets in the database need it.
 */
export function findSecretsKey(places: KeyPlaces, log: Log): SecretsKey {
  const found = readSecretsKey(places);
  if (found) return found;
  const [database, path] = [databaseOf(places.home), join(places.home, FILE)];
  const needed = existsSync(database) && statSync(database).size > 0 ? neededIn(database) : undefined;
  if (needed !== undefined) {
    const message = `the secrets in ${database} are sealed by the key ${needed}, and there is none: name its file with --secrets-key-file, or put it back as ${path}`;
    throw new Fault("FailedPrecondition", message);
  }
  writePrivate(path, randomBytes(KEY_BYTES).toString("hex"));
  log.warn(
    { path },
    "a key for secrets is made: keep a copy of it elsewhere, backups hold what it seals and not the key",
  );
  return readKey(path, path);
}

function neededIn(path: string): string | undefined {
  // Anything but a database of ours is refused, in better words, when it is opened.
  let database: ReturnType<typeof openSqliteReadOnly>;
  try {
    database = openSqliteReadOnly(path);
  } catch (cause) {
    throw new Fault("FailedPrecondition", `${path} cannot be opened as a database`, { cause });
  }
  try {
    return neededKey(database);
  } finally {
    database.close();
  }
}

/** Reads a key from a file that is called `from` in what is said about it. */
export function readKey(path: string, from: string): SecretsKey {
  const bytes = keyIn(readSmall(path, from));
  if (bytes) return { bytes, from };
  const message = `${from} holds no key: it must hold ${KEY_BYTES} random bytes, plain, in hex or in base64`;
  throw new Fault("FailedPrecondition", message);
}

function readSmall(path: string, from: string): Buffer {
  try {
    const found = statSync(path);
    if (found.isFile() && found.size <= LONGEST) return readFileSync(path);
  } catch (cause) {
    const why = systemCode(cause) === "ENOENT" ? "is not there" : "cannot be read";
    throw new Fault("FailedPrecondition", `${from} ${why}`, { cause });
  }
  throw new Fault("FailedPrecondition", `${from} is no file of a key`);
}

function keyIn(content: Buffer): Buffer | undefined {
  if (content.length === KEY_BYTES) return content;
  const text = content.toString("latin1").trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, "base64url") : undefined;
}
