import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { resolve } from "node:path";
import { type AuditHead, createAuthority, openSqliteStore } from "@holdfast/inventory";
import { neededKey, openRing, type SecretsKey } from "@holdfast/inventory/store/secrets/key-ring";
import { forgetSecrets } from "@holdfast/inventory/store/secrets/seal-all";
import { type Clock, Fault } from "@holdfast/runtime";
import { makeDurable } from "@holdfast/runtime/durable-file";
import { holdHome } from "@holdfast/runtime/home";
import { openSqlite, openSqliteReadOnly } from "@holdfast/runtime/sqlite";
import { createHolds } from "../holds/holds.ts";
import { databaseOf } from "../home.ts";
import { localOperator } from "../local-operator.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { isSameFile, pathFault, refuseNoFile, removeDatabase } from "./files.ts";
import { type HighWater, reachedIn, readHighWater } from "./high-water.ts";
import { type HubContents, inspectDatabase } from "./inspect.ts";
import { finishSwap, type OnStep, preparedIn, swapIn } from "./swap.ts";

export interface RestoreRequest {
  readonly home: string;
  /** A backup. */
  readonly file: string;
  /** Whether the backup of another hub is taken too. */
  readonly force: boolean;
  /** By which its secrets are sealed, or null to leave them out. Undefined: there is no key. */
  readonly secretsKey?: SecretsKey | null | undefined;
  readonly clock: Clock;
  readonly onStep?: OnStep;
}

export interface Restored {
  /** What was in the backup. */
  readonly contents: HubContents;
  /** The life of the hub that begins with it. */
  readonly epoch: string;
  /** Where the old database is; null when there was none. */
  readonly aside: string | null;
}

/**
 * Puts a backup in the place of a home's database, as a new life of the hub in which nothing disruptive is done until an
 * operator says so. The backup is checked whole, and all that can fail is done to a copy of it, before anything changes; then
 * the process may end anywhere and leaves the old or the new. Throws FailedPrecondition when a hub holds the home, and for
 * a file that is no good.
 */
export async function restore(request: RestoreRequest): Promise<Restored> {
  const { home, force, clock, secretsKey, onStep = () => undefined } = request;
  const file = resolve(request.file);
  const database = databaseOf(home);
  const held = holdHome(home, "hub");
  try {
    finishSwap(home);
    if (isSameFile(file, database)) {
      throw new Fault("FailedPrecondition", `FILE: ${file} is what the hub has already, not a copy of it`);
    }
    const { contents, mark } = await prepare({ home, file, force, secretsKey, clock }, onStep);
    const aside = existsSync(database) ? `hub.db.before-restore-${compact(clock.now())}` : null;
    swapIn(home, { aside, mark }, onStep);
    return { contents, epoch: mark.epoch, aside };
  } finally {
    await held.close();
  }
}

/** Makes the database ready that shall take the place, and leaves nothing when that fails. The old one is only read. */
async function prepare(
  { home, file, force, secretsKey, clock }: Omit<RestoreRequest, "onStep">,
  onStep: OnStep,
): Promise<{ contents: HubContents; mark: HighWater }> {
  const [prepared, database] = [preparedIn(home), databaseOf(home)];
  try {
    onStep("copy");
    const contents = takeCopy(file, prepared);
    const old = existsSync(database) ? standing(database) : undefined;
    if (!force) refuseOther(file, contents, old);
    fitSecrets(prepared, { file, secretsKey });
    onStep("prepare");
    const noted = readHighWater(home);
    const beyond = Math.max(noted?.seq ?? 0, old?.position ?? 0);
    const mark = await beginLife(prepared, { beyond, lost: noted?.audit, clock });
    makeDurable(prepared);
    return { contents, mark };
  } catch (error) {
    removeDatabase(prepared);
    throw error;
  }
}

/** Copies a backup to where nobody else writes, and says what it holds. Throws a `Fault` that names the file. */
function takeCopy(file: string, prepared: string): HubContents {
  removeDatabase(prepared);
  try {
    refuseNoFile(file);
    // Files of a hub that was ended hard: a part of what it has written is in the log beside the database.
    for (const part of ["", "-wal"]) {
      if (part !== "" && !existsSync(`${file}${part}`)) continue;
      copyFileSync(`${file}${part}`, `${prepared}${part}`);
      chmodSync(`${prepared}${part}`, 0o600);
    }
  } catch (cause) {
    throw pathFault(file, "FILE: reading", cause);
  }
  return inspectDatabase(prepared, file);
}

/** Throws FailedPrecondition when a copy's secrets would be of no use: the key for them is another, or not there. */
function fitSecrets(prepared: string, { file, secretsKey }: Pick<RestoreRequest, "file" | "secretsKey">): void {
  const database = openSqlite(prepared);
  try {
    const needed = neededKey(database);
    if (needed === undefined) return;
    if (secretsKey === null) {
      forgetSecrets(database);
      return;
    }
    const otherwise = "--without-secrets leaves them out";
    if (!secretsKey) {
      const message = `FILE: the secrets in ${file} are sealed by the key ${needed}: name its file with --secrets-key-file, or put it into the home as secrets-key; ${otherwise}`;
      throw new Fault("FailedPrecondition", message);
    }
    openRing(database, secretsKey, file);
  } finally {
    database.close();
  }
}

interface Standing {
  readonly lineage: readonly string[];
  readonly position: number;
}

/** How far the old database had got; undefined when that cannot be read any more. */
function standing(path: string): Standing | undefined {
  try {
    const database = openSqliteReadOnly(path);
    try {
      const setting = database.prepare<[string], { value: string }>("select value from setting where name = ?");
      const lineage = setting.get("lineage")?.value;
      const row = database.prepare<[], { value: number }>("select value from sequence where name = 'feed'").get();
      return {
        lineage: lineage === undefined ? [setting.get("epoch")?.value ?? ""] : (JSON.parse(lineage) as string[]),
        position: row?.value ?? 0,
      };
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** Two databases are of one hub when one of them has been in a life of the other. */
function refuseOther(file: string, { epoch, lineage }: HubContents, old: Standing | undefined): void {
  if (!old || lineage.some((life) => old.lineage.includes(life))) return;
  const message = `FILE: ${file} is of another hub (epoch ${epoch}) than what this home has (epoch ${old.lineage.at(-1)})`;
  throw new Fault("FailedPrecondition", `${message}; --force takes it all the same`);
}

interface Beginning {
  readonly beyond: number;
  /** Where the audit log ended that gives way to the backup's. */
  readonly lost: AuditHead | undefined;
  readonly clock: Clock;
}

async function beginLife(path: string, { beyond, lost, clock }: Beginning): Promise<HighWater> {
  const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS, clock });
  try {
    const authority = await createAuthority({ store, clock });
    const holds = createHolds({ store, clock });
    const told = { by: localOperator(), reason: "hub-restored", lost };
    await authority.beginEpoch({ beyond, told, also: (tx) => holds.holdAll(tx, "hub-restored") });
    return { ...(await store.read(reachedIn)), at: clock.now() };
  } finally {
    // The last to close takes the write-ahead log into the file.
    await store.close();
  }
}

/** `20261123T033400Z` */
function compact(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
