import { join } from "node:path";
import { decode, encode, type Job } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Log, messageOf } from "@holdfast/runtime";
import { Type } from "typebox";
import { readDocument, writeDocument } from "./durable-file.ts";
import type { Spool } from "./spool.ts";

const Journal = Type.Object({ rejected: Type.Array(Type.String()) });

export interface JobsOptions {
  readonly log: Log;
  readonly stateDir: string;
  readonly spool: Spool;
}

/** The jobs that a site gives this machine, one at a time. */
export interface Jobs {
  /** What is pending now; empty when nothing is. Whatever is in it, nothing is thrown. */
  receive(payload: Uint8Array): void;
}

const REMEMBERED = 256;
const JOB_ID = /^[A-Za-z0-9_.-]{1,64}$/;
const REASON = "this agent carries out no jobs: it knows no type of job, and no key to check a job's signature with";

/**
 * Opens the journal of jobs. A job is a command for root, and nothing here could tell a true one from a forged one, so
 * each is rejected: once an id, however often the retained message comes.
 */
export function createJobs({ log, stateDir, spool }: JobsOptions): Jobs {
  const file = join(stateDir, "jobs.json");
  const rejected = readDocument(file, Journal, log)?.rejected ?? [];

  function reject({ id, type }: Job): void {
    // The answer is durable before the id is noted: a crash in between answers twice, never not at all.
    const answer = encode("JobStatus", { id, sequence: 1, state: "REJECTED", error: REASON });
    spool.put({ leaf: UP.jobStatus(id), payload: answer, retain: false, key: UP.jobStatus(id) });
    rejected.push(id);
    rejected.splice(0, rejected.length - REMEMBERED);
    writeDocument(file, { rejected });
    log.warn({ job: id, type }, "a job was rejected");
  }

  return {
    receive: (payload) => {
      if (payload.length === 0) return;
      try {
        const job = decode("Job", payload);
        if (!JOB_ID.test(job.id))
          return log.error({ job: job.id }, "a job whose id cannot be part of a topic is ignored");
        if (!rejected.includes(job.id)) reject(job);
      } catch (error) {
        log.error({ error: messageOf(error) }, "a job cannot be read or answered");
      }
    },
  };
}
