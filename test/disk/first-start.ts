import { endedInWords, Violation } from "./checks.ts";
import { fileOf, struckBy, tracingOf, type Visit } from "./explorer.ts";
import { Fleet, PROJECT, type ProgramName } from "./fleet.ts";
import { type Census, census, type Point } from "./points.ts";
import { Strace, type Tracing } from "./strace.ts";

/** A program that starts on an empty home, of a fleet of its own; a site follows the hub of another fleet. */
export async function firstStart(
  program: ProgramName,
  hubOf: Fleet,
  tracing: (fleet: Fleet) => Partial<Tracing>,
): Promise<{ readonly fleet: Fleet; readonly strace: Strace }> {
  const fleet = new Fleet(program === "site" ? { hubOf } : {});
  if (program === "site") await fleet.addSite();
  const running = fleet.prepare(program);
  const watched = { pid: running.pid, paths: fleet.files(program), output: `${fleet.folder}/strace` };
  const strace = await Strace.attach({ ...watched, ...tracing(fleet) });
  running.go();
  await fleet.servesOrEnds(program);
  return { fleet, strace };
}

/** Which calls a first start makes. */
export async function countFirstStart(program: ProgramName, hubOf: Fleet): Promise<Census> {
  const { fleet, strace } = await firstStart(program, hubOf, () => ({}));
  await strace.detach();
  const seen = census(strace.calls(), (path) => fileOf(fleet, program, path));
  await fleet.close();
  return seen;
}

/** A first start that is struck: it goes on, or it ends with a sentence; and the next start is as the first should have been. */
export async function visitFirstStart(point: Point, hubOf: Fleet): Promise<Visit> {
  const { program, fault } = point;
  const { fleet, strace } = await firstStart(program, hubOf, (its) => tracingOf(its, point));
  try {
    await strace.detach();
    const struck = struckBy(strace, fleet, point);
    if (fault !== "kill") endedInWords(fleet.get(program));
    if (fleet.get(program).end) await fleet.start(program);
    if (program === "hub") await fleet.must("hub", "POST", `${PROJECT}/regions`, { name: "north" });
    else await followed(fleet);
    const damages = fleet.damages(program);
    if (damages.length > 0) throw new Violation(damages.join("; "));
    return { struck };
  } finally {
    await fleet.close();
  }
}

/** The site shows what its hub knows of it. */
async function followed(fleet: Fleet): Promise<void> {
  const deadline = performance.now() + 150_000;
  for (;;) {
    const { body } = await fleet.ask("site", "GET", "/v1/status");
    if (body?.phase?.is === "settled" && body.unsent.entries === 0) {
      await fleet.must("site", "GET", `${PROJECT}/sites/${fleet.siteId}`);
      return;
    }
    if (performance.now() > deadline) throw new Violation(`the site does not follow: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
