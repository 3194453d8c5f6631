import { join } from "node:path";
import { decode, encode, type Job, type JobStatus } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Log, messageOf } from "@holdfast/runtime";
import { Type } from "typebox";
import { Refused } from "./calls.ts";
import { readDocument, writeDocument } from "./durable-file.ts";
import type { Orders } from "./orders.ts";
import type { Spool } from "./spool.ts";

/** Jobs that were answered, whatever came of them: the name is from when all were rejected. */
const Journal = Type.Object({ rejected: Type.Array(Type.String()) });

/** Does a job, by its arguments as they were signed (JSON text). Throws a sentence for a person when it fails. */
export type JobWork = (argumentsText: string) => Promise<void> | void;

export interface JobsOptions {
  readonly log: Log;
  readonly stateDir: string;
  readonly spool: Spool;
  readonly orders: Orders;
  /** By type. */
  readonly work: Readonly<Record<string, JobWork>>;
}

/** The jobs that a site gives this machine, one at a time. */
export interface Jobs {
  /** What is pending now; empty when nothing is. Whatever is in it, nothing is thrown. */
  receive(payload: Uint8Array): void;
}

const REMEMBERED = 256;
const JOB_ID = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Opens the journal of jobs. A job is a command for root, so only what its site has signed for this machine is begun with, and
 * once: its sequence is durable before. Each is answered once an id, however often the retained message comes.
 */
export function createJobs({ log, stateDir, spool, orders, work }: JobsOptions): Jobs {
  const file = join(stateDir, "jobs.json");
  const answered = readDocument(file, Journal, log)?.rejected ?? [];
  let last: Promise<unknown> = Promise.resolve();

  function answer({ id, type }: Job, { state, error }: Pick<JobStatus, "state" | "error">): void {
    const status = { id, sequence: 1, state, ...(error !== undefined && { error: error.slice(0, 1_000) }) };
    // The answer is durable before the id is noted: a crash in between answers twice, never not at all.
    const leaf = UP.jobStatus(id);
    spool.put({ leaf, payload: encode("JobStatus", status), retain: false, key: leaf });
    answered.push(id);
    answered.splice(0, answered.length - REMEMBERED);
    writeDocument(file, { rejected: answered });
    log.warn({ job: id, type, state, error }, "a job was answered");
  }

  async function run(job: Job): Promise<Pick<JobStatus, "state" | "error">> {
    const { id, type } = job;
    const taken = await orders.take(Buffer.from(job.signature).toString(), type);
    if (taken.order.id !== id) throw new Refused(`what is signed is job ${taken.order.id}, not ${id}`);
    if (taken.is === "repeated") {
      return {
        state: "UNKNOWN",
        error: "it was begun before, and the agent ended before it could say what came of it",
      };
    }
    const perform = Object.hasOwn(work, type) ? work[type] : undefined;
    if (perform === undefined) throw new Refused(`this agent knows no job of type ${type}`);
    await perform(taken.order.arguments);
    return { state: "SUCCEEDED" };
  }

  async function take(job: Job): Promise<void> {
    if (answered.includes(job.id)) return;
    const outcome = await run(job).catch((error: unknown) => {
      const state = error instanceof Refused ? ("REJECTED" as const) : ("FAILED" as const);
      return { state, error: messageOf(error) };
    });
    answer(job, outcome);
  }

  return {
    receive: (payload) => {
      if (payload.length === 0) return;
      try {
        const job = decode("Job", payload);
        if (!JOB_ID.test(job.id))
          return log.error({ job: job.id }, "a job whose id cannot be part of a topic is ignored");
        last = last
          .then(() => take(job))
          .catch((error) => log.error({ error: messageOf(error) }, "a job cannot be read or answered"));
      } catch (error) {
        log.error({ error: messageOf(error) }, "a job cannot be read or answered");
      }
    },
  };
}
