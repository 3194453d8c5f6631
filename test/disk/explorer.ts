import { relative } from "node:path";
import { answersClearly, endedInWords, settled, sound, tellsOfItsLog, Violation } from "./checks.ts";
import { Fleet, PROJECT, type ProgramName } from "./fleet.ts";
import { Ledger } from "./ledger.ts";
import { type Census, census, joined, type Point } from "./points.ts";
import { Strace, type Tracing } from "./strace.ts";
import { type Fixtures, makeFixtures, type Round, shownAt, work } from "./work.ts";

/** What came of a point: which file was struck, if its call was made at all. */
export interface Visit {
  readonly struck: string | undefined;
}

type Later = Exclude<Point["phase"], "first-start">;

/** A call that comes only now and then is waited for so many rounds; taking the log into the database takes the most. */
const ROUNDS_TO_WAIT = 8;
const ROUNDS_TO_TAKE_IN = 40;
/** How many rounds may pass until everybody is answered in time again, on a machine that has others to serve besides. */
const ROUNDS_TO_BE_ANSWERED = 5;
/** How many rounds of writes may pass until a program says that its log grows: it looks once a second. */
const ROUNDS_TO_TELL = 100;
const ENDS_WITHIN = 30_000;
const NOTHING: Round = { strange: [], refused: { hub: [], site: [] } };

/** Takes one fleet to one point after the other, and throws a Violation at the first that it does not survive. */
export class Explorer {
  readonly fleet = new Fleet();
  readonly #ledger = new Ledger();
  #fixtures: Fixtures = { atHub: "", atSite: "" };
  #round = 0;

  static async open(): Promise<Explorer> {
    const explorer = new Explorer();
    await explorer.fleet.open();
    explorer.#fixtures = await makeFixtures(explorer.fleet, explorer.#ledger);
    await settled(explorer.fleet, explorer.#ledger);
    return explorer;
  }

  close(): Promise<void> {
    return this.fleet.close();
  }

  /** Which calls a program makes in a phase, without a fault. */
  async count(program: ProgramName, phase: Later): Promise<Census> {
    const seen: Census[] = [];
    const isTakenIn = () => seen.some((each) => each.has(`pwrite64 ${program}.db`));
    const enough = () => phase !== "work" || (seen.length >= ROUNDS_TO_WAIT && isTakenIn());
    while (seen.length < ROUNDS_TO_TAKE_IN && (seen.length === 0 || !enough())) {
      const strace = await this.#trace(program, phase, {});
      await this.#act(program, phase);
      await strace.detach();
      seen.push(census(strace.calls(), (path) => fileOf(this.fleet, program, path)));
      await this.#goOn(program);
    }
    return joined(seen);
  }

  async visit(point: Point & { readonly phase: Later }): Promise<Visit> {
    const { program, phase } = point;
    const strace = await this.#trace(program, phase, tracingOf(this.fleet, point));
    const struck = () => struckBy(strace, this.fleet, point);
    const most = point.file.endsWith(".db") ? ROUNDS_TO_TAKE_IN : ROUNDS_TO_WAIT;
    for (let rounds = 0; rounds < most && struck() === undefined; rounds += 1) {
      await this.#act(program, phase, point);
      if (phase !== "work") break;
    }
    const first = struck();
    if (phase === "work" && point.fault !== "kill") {
      if (first !== undefined) await this.#endures(point);
      await strace.detach();
      await this.#resumes(program);
    } else await strace.detach();
    if (phase === "restart" && point.fault !== "kill") endedInWords(this.fleet.get(program));
    await this.#goOn(program);
    return { struck: first };
  }

  /** While the disk fails it runs and it reads. */
  async #endures({ program, reach, file }: Point): Promise<void> {
    const running = this.fleet.get(program);
    if (reach === "lasting" && file.endsWith(".db")) await this.#keepsInItsLog(program);
    else if (reach === "lasting") {
      const { refused } = await this.#act(program, "work");
      await answersClearly(this.fleet, program, refused[program]);
    }
    if (running.end) throw new Violation(`the ${program} ended by itself: ${JSON.stringify(running.end)}`);
    await shownAt(this.fleet, program).catch((error) => {
      throw new Violation(`it does not read: ${error}`);
    });
  }

  /** It takes writes, and says that they do not get out of the log. */
  async #keepsInItsLog(program: ProgramName): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_TO_TELL; rounds += 1) {
      const { refused } = await this.#act(program, "work");
      if (await tellsOfItsLog(this.fleet, program, refused[program])) return;
    }
    throw new Violation("the log is not taken into the database and grows, and nobody is told");
  }

  /** Once the disk takes writes again the program refuses none, from the first on, and without being started anew. */
  async #resumes(program: ProgramName): Promise<void> {
    let missing: string[] = [];
    for (let rounds = 0; rounds < ROUNDS_TO_BE_ANSWERED; rounds += 1) {
      this.#ledger.newRound();
      const { refused } = await this.#act(program, "work");
      if (refused[program].length > 0) throw new Violation(`it still refuses writes: ${refused[program].join("; ")}`);
      missing = this.#ledger.unanswered;
      if (missing.length === 0) return;
    }
    throw new Violation(`it does not write again: not acknowledged in time: ${missing.join(", ")}`);
  }

  /** Makes the program do what the phase is. Resolves when that is over, one way or the other. */
  async #act(program: ProgramName, phase: Later, point?: Point): Promise<Round> {
    const running = this.fleet.get(program);
    if (phase === "work") {
      this.#round += 1;
      const round = await work(this.fleet, this.#ledger, this.#fixtures, this.#round);
      if (round.strange.length > 0) throw new Violation(`answers that nothing explains: ${round.strange.join("; ")}`);
      if (point && point.fault !== "kill") await answersClearly(this.fleet, program, round.refused[program]);
      return round;
    }
    if (phase === "stop") await within(ENDS_WITHIN, `the ${program} does not end`, running.kill("SIGTERM"));
    else await this.fleet.servesOrEnds(program);
    return NOTHING;
  }

  /** The program, ready for the phase and watched. */
  async #trace(program: ProgramName, phase: Later, tracing: Partial<Tracing>): Promise<Strace> {
    if (phase === "stop") await this.#act(program, "work");
    if (phase === "restart") await this.fleet.get(program).kill("SIGKILL");
    const running = phase === "restart" ? this.fleet.prepare(program) : this.fleet.get(program);
    const strace = await Strace.attach({
      ...{ pid: running.pid, paths: this.fleet.files(program), output: `${this.fleet.folder}/strace` },
      ...tracing,
    });
    if (phase === "restart") running.go();
    return strace;
  }

  /** Runs the program again where it has ended, as its service manager would, and looks whether all is as promised. */
  async #goOn(program: ProgramName): Promise<void> {
    if (this.fleet.get(program).end) await this.fleet.start(program);
    await settled(this.fleet, this.#ledger);
    sound(this.fleet);
    await this.#tidy();
  }

  /** What a round has made is removed again, and what was uncertain is from now on what it is. */
  async #tidy(): Promise<void> {
    const shown = await shownAt(this.fleet, "hub");
    for (const thing of this.#ledger.things) {
      const is = shown.get(thing);
      if (is === undefined || thing.startsWith("region ") || is.startsWith("new-")) this.#ledger.forget(thing);
      else this.#ledger.settle(thing, is);
    }
    for (const [thing, name] of shown) {
      const [, id] = /^host (host-[0-9a-f]+)$/.exec(thing) ?? [];
      if (id !== undefined && name.startsWith("new-"))
        await this.fleet.ask("hub", "DELETE", `${PROJECT}/compute/hosts/${id}`);
    }
  }
}

/** How a point is traced: its file alone, or every file of the home. */
export function tracingOf(fleet: Fleet, { program, fault, call, file, at, reach }: Point): Partial<Tracing> {
  const all = fleet.files(program);
  const paths = file === "*" ? all : all.filter((path) => fileOf(fleet, program, path) === file);
  return { paths, injection: { fault, calls: [call], at, reach } };
}

/** The file that was struck first. Of a process that was killed, the last call is the one that it died before. */
export function struckBy(strace: Strace, fleet: Fleet, { program, fault }: Point): string | undefined {
  const calls = strace.calls();
  const killed = fault === "kill" && fleet.get(program).end?.signal === "SIGKILL" ? calls.at(-1) : undefined;
  const struck = calls.find((call) => call.struck) ?? killed;
  return struck && fileOf(fleet, program, struck.path);
}

export function fileOf(fleet: Fleet, program: ProgramName, path: string): string {
  return relative(fleet.home(program), path) || ".";
}

async function within<T>(milliseconds: number, otherwise: string, wait: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Violation(otherwise)), milliseconds);
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}
