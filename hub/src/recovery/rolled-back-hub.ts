import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { databaseOf } from "../home.ts";
import type { TestHub } from "../hub-harness.ts";

/** Keeps the database as it is now. Returns how to put it back in silence, as a snapshot of a disk would: no mark tells. */
export async function snapshotOf(hub: TestHub): Promise<() => Promise<void>> {
  const path = databaseOf(hub.home);
  const kept = join(hub.home, "kept.db");
  await hub.restart({ samePort: true, between: () => copyFileSync(path, kept) });
  return () =>
    hub.restart({
      samePort: true,
      between() {
        for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
        copyFileSync(kept, path);
        rmSync(join(hub.home, "high-water"), { force: true });
      },
    });
}
