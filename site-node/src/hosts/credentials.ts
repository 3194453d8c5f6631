import type { Store, Transaction, View } from "@holdfast/inventory";
import { matchesHash } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";

/** Which machine may speak as which host. The broker asks at every connection, so the hashes are held in memory too. */
export class Credentials {
  readonly #hashes = new Map<string, string>();
  readonly #store: Store;
  #refreshing: Promise<void> = Promise.resolve();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async load(store: Store): Promise<Credentials> {
    const credentials = new Credentials(store);
    await credentials.refresh();
    return credentials;
  }

  /** Whether this secret is the host's, and the host is still admitted. */
  admits(hostId: string, secret: string): boolean {
    const hash = this.#hashes.get(hostId);
    return hash !== undefined && matchesHash(secret, hash);
  }

  /** The hash of the host's secret; undefined when the host is not admitted. */
  hashOf(hostId: string): string | undefined {
    return this.#hashes.get(hostId);
  }

  has(hostId: string): boolean {
    return this.#hashes.has(hostId);
  }

  hosts(): readonly string[] {
    return [...this.#hashes.keys()];
  }

  /** Takes over what transactions have committed. One at a time: an older reading must not come after a newer one. */
  refresh(): Promise<void> {
    const turn = this.#refreshing.catch(() => undefined).then(() => this.#refresh());
    this.#refreshing = turn;
    return turn;
  }

  async #refresh(): Promise<void> {
    const rows = await this.#store.read((view) =>
      siteTables(view).selectFrom("credential").select(["host", "hash"]).execute(),
    );
    this.#hashes.clear();
    for (const { host, hash } of rows) this.#hashes.set(host, hash);
  }
}

/** Replaces a host's credential: what it had before opens nothing any more. */
export async function storeCredential(
  transaction: Transaction,
  credential: { host: string; hash: string; machine: string; at: number },
): Promise<void> {
  const { host: _host, ...rest } = credential;
  await siteTables(transaction)
    .insertInto("credential")
    .values(credential)
    .onConflict((conflict) => conflict.column("host").doUpdateSet(rest))
    .execute();
}

/** The machine that holds a host's credential; undefined when none does. */
export async function machineOf(view: View, host: string): Promise<string | undefined> {
  const row = await siteTables(view)
    .selectFrom("credential")
    .select("machine")
    .where("host", "=", host)
    .executeTakeFirst();
  return row?.machine;
}

/** The hosts whose credential a machine holds. */
export async function hostsOf(view: View, machine: string): Promise<readonly string[]> {
  const rows = await siteTables(view).selectFrom("credential").select("host").where("machine", "=", machine).execute();
  return rows.map(({ host }) => host);
}
