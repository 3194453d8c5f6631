import type { Store } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import { Region } from "@holdfast/protocol/kinds/region";
import { Site } from "@holdfast/protocol/kinds/site";
import { type Closable, type Log, messageOf, type ReconcileLoop } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import type { Credentials } from "./credentials.ts";

export interface WakingParts {
  readonly store: Store;
  readonly hosts: Pick<ReconcileLoop, "wake">;
  readonly power: Pick<ReconcileLoop, "wake">;
  readonly credentials: Pick<Credentials, "hosts" | "refresh">;
  readonly log: Log;
}

/** Has machines looked at when something has changed that concerns them. */
export interface Waking extends Closable {
  /** What holds for all machines has changed. */
  all(): void;
  /** By what machines are known has changed in the database. */
  credentialsChanged(): void;
}

export function wakeOnCommit({ store, hosts, power, credentials, log }: WakingParts): Waking {
  const stop = store.onCommit(({ changes }) => {
    for (const { kind, id } of changes) {
      if (kind === Host.name) power.wake(id);
      if (kind === Host.name || kind === Instance.name) hosts.wake(id);
      // What hosts inherit has changed.
      else if (kind === Region.name || kind === Site.name) wakeDocumented();
    }
  });

  function wakeDocumented(): void {
    const documents = store.read((view) => siteTables(view).selectFrom("desired_document").select("host").execute());
    documents.then(
      (rows) => {
        for (const { host } of rows) hosts.wake(host);
      },
      (error) => log.warn({ error: messageOf(error) }, "what hosts inherit is looked at later"),
    );
  }

  function all(): void {
    for (const host of credentials.hosts()) {
      hosts.wake(host);
      power.wake(host);
    }
  }

  return {
    all,
    credentialsChanged() {
      const refreshed = credentials.refresh().catch((error) => {
        log.error({ error: messageOf(error) }, "by what machines are known could not be read, some are not let in");
      });
      void refreshed.then(all);
    },
    close: async () => stop(),
  };
}

/** What the broker retains may be of another time than the store, so every document is published anew at a start. */
export async function republishAll(store: Store): Promise<void> {
  await store.write((transaction) =>
    siteTables(transaction).updateTable("desired_document").set({ published: 0 }).execute(),
  );
}
