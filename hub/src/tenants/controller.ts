import type { Authority, Store } from "@holdfast/inventory";
import { tenantScope } from "@holdfast/protocol";
import {
  type Clock,
  type Closable,
  checkAfter,
  type Log,
  messageOf,
  minutes,
  nextTurn,
  type Reconciler,
  seconds,
  settled,
  startReconciler,
  type Verdict,
} from "@holdfast/runtime";
import type { Tokens } from "../tokens/tokens.ts";
import { type KnownProject, projectIn, projectsIn } from "./book.ts";
import { createOn } from "./creating.ts";
import { deleteOn } from "./deleting.ts";
import { standAs } from "./listener.ts";

const LOOKED_EVERY = minutes(1);
/** Sites let go one machine after another; each commit of theirs wakes the controller, and this does too. */
const WAITED = seconds(10);

export interface ControllerParts {
  readonly store: Store;
  readonly authority: Pick<Authority, "createIn" | "clearIn" | "endTenantIn">;
  readonly tokens: Pick<Tokens, "revoke">;
  readonly wasHeard: (site: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings projects to be with their defaults, and out of being with all they had. */
export interface TenantController extends Closable {
  /** Something is wanted of a project. */
  wake(tenant: string): void;
  /** Resolves when nothing is due. For tests. */
  idle(): Promise<void>;
}

/**
 * Takes the steps of one project until there is none to take now. Each step is a transaction with its entry in the journal:
 * ended anywhere, it goes on from there, and two at once do no harm.
 */
export function advanceTenant(parts: ControllerParts): (tenant: string, signal?: AbortSignal) => Promise<Verdict> {
  const { store, authority, tokens, clock, log } = parts;

  /** Undefined when there is more to do at once. */
  async function step(tenant: string): Promise<Verdict | undefined> {
    const done = await store.write(async (tx) => {
      const project = await projectIn(tx, tenant);
      if (project?.id !== tenant) return { is: "over" } as const;
      const at = { project, now: clock.now() };
      if (project.state === "creating") {
        return { is: (await createOn(tx, authority, at)) ? "on" : "over", state: project.state } as const;
      }
      if (project.state !== "deleting") return { is: "over" } as const;
      return { ...(await deleteOn(tx, parts, at)), state: project.state };
    });
    switch (done.is) {
      case "on":
        return undefined;
      case "revoke":
        for (const token of done.tokens) await tokens.revoke(token);
        return undefined;
      case "waiting":
        return checkAfter(WAITED);
      case "over":
        if ("state" in done) log.info({ project: tenant }, `a project's ${WORDS[done.state]} is complete`);
        return settled;
    }
  }

  return async (tenant, signal) => {
    try {
      for (;;) {
        signal?.throwIfAborted();
        const verdict = await step(tenant);
        if (verdict) return verdict;
        // A large project takes hundreds of steps: whoever else has come has a turn in between.
        await nextTurn();
      }
    } catch (error) {
      if (!signal?.aborted) await complain(parts, tenant, error);
      throw error;
    }
  };
}

const WORDS = { creating: "creation", deleting: "deletion" } as const;

/** Says at the project why it does not get on; a disk that takes nothing is no reason to hide the first trouble. */
async function complain({ store, clock }: ControllerParts, tenant: string, error: unknown): Promise<void> {
  const trouble = store.write(async (tx) => {
    const project = await projectIn(tx, tenant);
    if (!project || !isUnsettled(project)) return;
    const message = `Project ${project.name} ${project.state === "creating" ? "CREATE" : "DELETE"}: ${messageOf(error)}`;
    await standAs(tx, tenant, {
      ...{ state: project.state, message: message.slice(0, 500), now: clock.now() },
      indicator: "STATUS_INDICATION_ERROR",
    });
  });
  await trouble.catch(() => undefined);
}

/** Runs until closed. Commands that work beside the hub are noticed, too. */
export function startTenantController(parts: ControllerParts): TenantController {
  const { store, clock, log } = parts;
  /** Of which nothing is wanted, until somebody says so. */
  const idle = new Set<string>();
  const advance = advanceTenant(parts);
  const reconciler: Reconciler = {
    name: "tenants",
    list: async () => {
      const projects = await store.read(projectsIn);
      return projects.filter(isUnsettled).map(({ id }) => id);
    },
    async reconcile(tenant, signal) {
      const project = await store.read((view) => projectIn(view, tenant));
      const verdict = project && isUnsettled(project) ? await advance(tenant, signal) : settled;
      if (verdict.checkAfter === undefined) idle.add(tenant);
      return verdict;
    },
  };
  const loop = startReconciler(reconciler, { clock, log, resyncEvery: LOOKED_EVERY, concurrency: 4 });
  const prefix = tenantScope("");
  const stopListening = store.onCommit(({ scopes, changes }) => {
    const tenants = new Set(changes.map(({ tenant }) => tenant).filter((tenant) => !idle.has(tenant)));
    // A command beside the hub may want something of any: it is heard of by the tenant's feed alone.
    for (const scope of scopes.keys()) if (scope.startsWith(prefix)) tenants.add(scope.slice(prefix.length));
    for (const tenant of tenants) loop.wake(tenant);
  });
  return {
    wake(tenant) {
      idle.delete(tenant);
      loop.wake(tenant);
    },
    idle: () => loop.idle(),
    async close() {
      stopListening();
      await loop.close();
    },
  };
}

function isUnsettled({ state }: KnownProject): boolean {
  return state === "creating" || state === "deleting";
}
