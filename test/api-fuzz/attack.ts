import { messageOf } from "@holdfast/runtime";
import fc from "fast-check";
import { type ApiDocument, type Operation, operationsOf } from "./document.ts";
import { judgeBy } from "./judge.ts";
import { type DrawnRequest, makingBy, requestTo } from "./requests.ts";
import { type Answered, KnownIds, type Sent, send, type Target, written } from "./sending.ts";

/** What was asked and answered, by operation and status. */
export type Tally = Map<string, Map<number, number>>;

export interface Attack {
  /** A target with a project of its own, for each sequence of requests. */
  readonly target: () => Promise<Target>;
  readonly document: ApiDocument;
  /** Which operations are attacked; all when absent. */
  readonly only?: (operation: Operation) => boolean;
  readonly seed: number;
  /** Of fast-check: which of the shrunk sequences of the seed is played, alone. */
  readonly path?: string;
  /** How many sequences; until the time is over when absent. */
  readonly sequences?: number;
  /** Milliseconds. */
  readonly within?: number;
}

export interface Outcome {
  readonly tally: Tally;
  readonly requests: number;
  /** Undefined when all was as declared. */
  readonly failure?: { readonly story: string; readonly seed: number; readonly path: string };
}

const LONGEST_SEQUENCE = 40;

/**
 * Plays sequences of requests, made from a document, and judges every answer by it. A sequence that fails is shrunk; its
 * story tells each request of the least that still does.
 */
export async function attack({ target, document, only = () => true, seed, ...limits }: Attack): Promise<Outcome> {
  const judge = judgeBy(document);
  const operations = operationsOf(document).filter(only);
  const tally: Tally = new Map();
  let requests = 0;

  async function play(drawn: readonly DrawnRequest[]): Promise<void> {
    const ids = new KnownIds();
    const at = await target();
    const story: string[] = [];
    for (const request of drawn) {
      const sent = written(request, ids, at);
      const answer = await send(at.url, sent).catch((error: unknown) => messageOf(error));
      requests += 1;
      story.push(line(sent, answer));
      if (typeof answer === "string") throw new NotAsDeclared(`no answer: ${answer}`, story);
      if (!answer) continue;
      count(tally, request.operation, answer.status);
      const wrong = judge(request.operation, answer);
      if (wrong !== undefined) throw new NotAsDeclared(`${request.operation.id} ${wrong}`, story);
      if (answer.status === 200) ids.note(answer.text ?? "");
    }
  }

  const sequence = sequenceOf(operations, document);
  const details = await fc.check(fc.asyncProperty(sequence, play), {
    seed,
    numRuns: limits.sequences ?? Number.MAX_SAFE_INTEGER,
    ...(limits.path === undefined ? {} : { path: limits.path }),
    ...(limits.within === undefined ? {} : { interruptAfterTimeLimit: limits.within, markInterruptAsFailure: false }),
  });
  if (!details.failed || details.counterexamplePath === null) return { tally, requests };
  const error = details.errorInstance;
  const story = error instanceof NotAsDeclared ? error.story : messageOf(error);
  return { tally, requests, failure: { story, seed: details.seed, path: details.counterexamplePath } };
}

/** First what makes something, in the order of the document, for all else needs it; then anything. */
function sequenceOf(operations: readonly Operation[], document: ApiDocument): fc.Arbitrary<DrawnRequest[]> {
  const makers = operations.filter(({ method, path }) => method === "POST" && !path.endsWith("}"));
  const made = makers.map((operation) => fc.option(makingBy(document, operation), { nil: undefined, freq: 4 }));
  const any = fc.oneof(...operations.map((operation) => weighed(operation, document)));
  const rest = fc.array(any, { minLength: 1, maxLength: LONGEST_SEQUENCE, size: "max" });
  return fc
    .tuple(fc.tuple(...made), rest)
    .map(([first, then]) => [...first.filter((request) => request !== undefined), ...then]);
}

/** Least often what takes away, for all else needs what is there. */
function weighed(operation: Operation, document: ApiDocument) {
  const weights: Readonly<Record<string, number>> = { POST: 4, PATCH: 4, PUT: 4, GET: 3, DELETE: 1 };
  return { weight: weights[operation.method] ?? 1, arbitrary: requestTo(document, operation) };
}

class NotAsDeclared extends Error {
  readonly story: string;

  constructor(wrong: string, story: readonly string[]) {
    super(wrong);
    this.story = [...story, wrong].join("\n");
  }
}

function line({ method, path, body }: Sent, answer: Answered | string | undefined): string {
  const asked = `${method} ${path}${body === undefined ? "" : ` ${short(body)}`}`;
  if (answer === undefined) return `${asked}\n  (held back)`;
  return typeof answer === "string" ? asked : `${asked}\n  ${answer.status} ${short(answer.text ?? "(events)")}`;
}

function short(text: string): string {
  const plain = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return plain.length > 400 ? `${plain.slice(0, 400)}… (${text.length} characters)` : plain;
}

function count(tally: Tally, { id }: Operation, status: number): void {
  const statuses = tally.get(id) ?? new Map<number, number>();
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  tally.set(id, statuses);
}
