import type { Store, Transaction } from "@holdfast/inventory";
import { matchesHash } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";

/** Which machine may speak as which host. The broker asks at every connection, so the hashes are held in memory too. */
export class Credentials {
  readonly #hashes = new Map<string, string>();
  readonly #store: Store;

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

  has(hostId: string): boolean {
    return this.#hashes.has(hostId);
  }

  hosts(): readonly string[] {
    return [...this.#hashes.keys()];
  }

  /** Takes over what a transaction has committed. */
  async refresh(): Promise<void> {
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

export async function removeCredential(transaction: Transaction, host: string): Promise<void> {
  await siteTables(transaction).deleteFrom("credential").where("host", "=", host).execute();
}
