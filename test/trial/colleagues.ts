import type { About, Steps } from "./actions.ts";
import type { Trial } from "./trial.ts";

/** Somebody else whom the hub lets in, here and at its sites. */
export interface Colleague {
  readonly id: string;
  readonly token: string;
  /** How long it opens a site that does not hear the hub. */
  readonly offlineSeconds: number;
  /** Somebody was told that it opens nothing any more; undefined when nobody knows. */
  isGone: boolean | undefined;
}

const OFFLINE_SECONDS = [60, 300, 86_400];

async function comes({ world: { hub }, colleagues }: Trial, { which }: About): Promise<void> {
  if (!hub.isRunning) return;
  const offlineSeconds = OFFLINE_SECONDS[which % OFFLINE_SECONDS.length] ?? 60;
  const asked = { name: `colleague ${colleagues.length}`, role: "write", tenants: "all", offlineSeconds } as const;
  // Its disk is full, or it dies of something else meanwhile: then nobody comes.
  const made = await hub.running.tokens.createOperator(asked).catch(() => undefined);
  if (made) colleagues.push({ id: made.id, token: made.token, offlineSeconds, isGone: false });
}

async function goes({ world: { hub }, colleagues }: Trial, { which }: About): Promise<void> {
  const colleague = colleagues[which % Math.max(1, colleagues.length)];
  if (!colleague || colleague.isGone || !hub.isRunning) return;
  colleague.isGone = undefined;
  colleague.isGone = await hub.running.tokens.revoke(colleague.id).catch(() => undefined);
}

async function renames(trial: Trial, { site, machine, which }: About): Promise<void> {
  const { colleagues } = trial;
  const by = colleagues[which % Math.max(1, colleagues.length)];
  if (by) await trial.write(site, machine.known, "name", { by });
}

/** Who comes and goes, at the hub; a site that is cut off does not hear of it. */
export const COLLEAGUES: Steps = {
  "a colleague comes": { weight: 3, do: comes },
  "a colleague goes": { weight: 2, do: goes },
  "a colleague renames a host at a site": { weight: 6, do: renames },
};
