// `npm start`: hub, one site-node and this machine's own agent, as three processes, with everything they need made at
// the first start and found again at the next.
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { Fault, helpText, messageOf, readConfig, requireNode24, seconds, systemClock } from "@holdfast/runtime";
import { holdHome, writePrivate } from "@holdfast/runtime/home";
import { type Static, Type } from "typebox";
import { bootstrap, firstHost } from "./start/bootstrap.ts";
import { Children } from "./start/children.ts";
import { playOutage } from "./start/outage.ts";
import { readPrivate } from "./start/read-private.ts";
import { layWan, type Wan } from "./start/wan.ts";
import { welcome } from "./start/welcome.ts";

const port = (initial: number, of: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: initial, description: `port of ${of}; 0 takes any free one` });

const StartConfig = Type.Object({
  home: Type.String({
    minLength: 1,
    default: "./.holdfast",
    description: "where all state is kept",
    placeholder: "DIR",
  }),
  hubPort: port(8080, "the hub's API"),
  sitePort: port(8081, "the site-node's API"),
  mqttPort: port(1883, "the site-node's MQTT broker"),
  cutWanAfter: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 86_400,
      description: "cut the link between site and hub so many seconds after everything runs, and show what happens",
    }),
  ),
  wanAway: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    default: 60,
    description: "with --cut-wan-after: for how many seconds the link is away",
  }),
});
type StartConfig = Static<typeof StartConfig>;

async function main(given: readonly string[]): Promise<void> {
  requireNode24();
  if (given.includes("--help") || given.includes("-h")) {
    const purpose = "Runs a hub, one site-node and this machine's own agent, on the loopback interface.";
    console.log(helpText("npm start --", purpose, StartConfig));
    return;
  }
  const config = readConfig(StartConfig, { arguments: given, environment: process.env });
  const home = resolve(config.home);
  const hold = holdHome(home, "npm start");
  const children = new Children(home, process.env);
  const stop = stopOnSignal(children);
  try {
    await children.endLeftovers();
    const shown = await startAll(home, config, children);
    console.log(welcome(shown));
    if (shown.wan) await showOutage({ ...shown, wan: shown.wan }, config, children);
    await children.failed;
  } catch (error) {
    if (!stop.asked()) throw error;
  } finally {
    await children.stop();
    await hold.close();
  }
}

/** Cuts the link as asked for, and tells what is seen at either side. A fault of the story ends nothing of what runs. */
async function showOutage(
  { wan, ...shown }: Omit<Awaited<ReturnType<typeof startAll>>, "wan"> & { wan: Wan },
  { cutWanAfter = 0, wanAway }: StartConfig,
  children: Children,
): Promise<void> {
  const stopped = new AbortController();
  const ended = children.failed.finally(() => stopped.abort(new Error("stopped")));
  const story = playOutage({
    ...{ ...shown, wan, clock: systemClock, signal: stopped.signal },
    after: seconds(cutWanAfter),
    away: seconds(wanAway),
    say: (line) => console.log(line),
  });
  const told = story.catch((error: unknown) => {
    if (!stopped.signal.aborted) console.error(`holdfast: the outage could not be shown: ${messageOf(error)}`);
  });
  await Promise.race([told, ended]);
}

async function startAll(home: string, config: StartConfig, children: Children) {
  const urlFile = `${home}/hub/hub-url`;
  rmSync(urlFile, { force: true });
  children.start("hub", ["hub", "--home", `${home}/hub`, "--hub-port", String(config.hubPort)]);
  const hubUrl = await children.answers("hub", () => readPrivate(urlFile), "/v1/health");
  const token = readPrivate(`${home}/hub/operator-token`);
  if (token === undefined) throw new Fault("FailedPrecondition", `${home}/hub/operator-token is gone: no way in`);
  writePrivate(`${home}/hub-url`, hubUrl);
  writePrivate(`${home}/operator-token`, token);

  const wan = config.cutWanAfter === undefined ? undefined : await layWan(hubUrl);
  const made = await bootstrap({ home, hubUrl, token });
  const siteUrlFile = `${home}/site/site-url`;
  rmSync(siteUrlFile, { force: true });
  children.start("site", [
    ...["site", "--home", `${home}/site`, "--hub-url", wan?.url ?? hubUrl],
    ...["--site-id", made.siteId, "--token-file", made.siteTokenFile],
    ...["--site-port", String(config.sitePort), "--mqtt-port", String(config.mqttPort)],
  ]);
  const siteUrl = await children.answers("site", () => readPrivate(siteUrlFile), "/v1/health");

  children.start("agent", [
    ...["agent", "run", "--state-dir", `${home}/agent`, "--site-url", siteUrl],
    ...["--enrol-token-file", made.enrolTokenFile],
  ]);
  const host = await firstHost({ hubUrl, siteUrl, token }, children.failed);
  return { home, hubUrl, siteUrl, token, host, wan };
}

/** Ends everything at the first signal; npm hands a terminal's Ctrl-C over twice, which counts once. */
function stopOnSignal(children: Children): { asked(): boolean } {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (asked) return;
      asked = true;
      console.log("holdfast: stopping");
      children.abandon();
    });
  }
  return { asked: () => asked };
}

// A terminal that was closed takes no more words, and that must not keep anything from being stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  console.error(`holdfast: ${messageOf(error)}`);
  process.exit(1);
}
