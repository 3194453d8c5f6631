import type { Courtesy } from "./courtesy.ts";

/** Of what is gathered during an outage, or of what is said as it happens. */
export type Urgency = "backlog" | "live";

/**
 * Takes batches one at a time, as the database does: those of live sites before backlogs, each sort in the order in which it
 * came. What waits has not been looked at, and costs no more than its text.
 */
export interface BatchQueue {
  run<T>(urgency: Urgency, work: () => Promise<T>): Promise<T>;
}

export function createBatchQueue({ giveWay }: Pick<Courtesy, "giveWay">): BatchQueue {
  const waiting: Readonly<Record<Urgency, (() => Promise<void>)[]>> = { live: [], backlog: [] };
  let isRunning = false;

  async function runAll(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    for (let next = take(); next; next = take()) {
      await giveWay();
      await next();
    }
    isRunning = false;
  }

  const take = () => waiting.live.shift() ?? waiting.backlog.shift();

  return {
    run<T>(urgency: Urgency, work: () => Promise<T>) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      waiting[urgency].push(() => work().then(resolve, reject));
      void runAll();
      return promise;
    },
  };
}
