// `npm start`: hub, one site-node and this machine's own agent, as three processes, with everything they need made at
// the first start and found again at the next.
import { mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { Fault, helpText, messageOf, readConfig, requireNode24 } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { Type } from "typebox";
import { bootstrap, firstHost } from "./start/bootstrap.ts";
import { Children } from "./start/children.ts";
import { readPrivate } from "./start/read-private.ts";

const port = (initial: number, of: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: initial, description: `port of ${of}; 0 takes any free one` });

const schema = Type.Object({
  home: Type.String({ default: "./.holdfast", description: "where all state is kept", placeholder: "DIR" }),
  hubPort: port(8080, "the hub's API"),
  sitePort: port(8081, "the site-node's API"),
  mqttPort: port(1883, "the site-node's MQTT broker"),
});

async function main(): Promise<void> {
  requireNode24();
  const given = process.argv.slice(2);
  if (given.includes("--help")) {
    const purpose = "Runs a hub, one site-node and this machine's own agent, on the loopback interface.";
    console.log(helpText("npm start --", purpose, schema));
    return;
  }
  const config = readConfig(schema, { arguments: given, environment: process.env });
  const home = resolve(config.home);
  mkdirSync(home, { recursive: true, mode: 0o700 });

  const children = new Children(home);
  const stop = stopOnSignal(children);
  try {
    const urlFile = `${home}/hub/hub-url`;
    rmSync(urlFile, { force: true });
    children.start("hub", ["hub", "--home", `${home}/hub`, "--hub-port", String(config.hubPort)]);
    const hubUrl = await children.answers("hub", () => readPrivate(urlFile), "/v1/health");
    const token = readPrivate(`${home}/hub/operator-token`);
    if (token === undefined) throw new Fault("FailedPrecondition", `${home}/hub/operator-token is gone: no way in`);
    writePrivate(`${home}/hub-url`, hubUrl);
    writePrivate(`${home}/operator-token`, token);

    const made = await bootstrap({ home, hubUrl, token });
    const siteUrlFile = `${home}/site/site-url`;
    rmSync(siteUrlFile, { force: true });
    children.start("site", [
      ...["site", "--home", `${home}/site`, "--hub-url", hubUrl],
      ...["--site-id", made.siteId, "--token-file", made.siteTokenFile],
      ...["--site-port", String(config.sitePort), "--mqtt-port", String(config.mqttPort)],
    ]);
    const siteUrl = await children.answers("site", () => readPrivate(siteUrlFile), "/v1/health");

    children.start("agent", [
      ...["agent", "run", "--state-dir", `${home}/agent`, "--site-url", siteUrl],
      ...["--enrol-token-file", made.enrolTokenFile],
    ]);
    const host = await firstHost({ hubUrl, token }, children.failed);
    console.log(welcome({ home, hubUrl, siteUrl, token, host }));
    await children.failed;
  } catch (error) {
    if (!stop.asked()) {
      console.error(`holdfast: ${messageOf(error)}`);
      process.exitCode = 1;
    }
  }
  await children.stop();
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

function welcome(shown: { home: string; hubUrl: string; siteUrl: string; token: string; host: string }): string {
  const { home, hubUrl, siteUrl, token, host } = shown;
  const curl = `curl -s -H "Authorization: Bearer $(cat ${home}/operator-token)" $(cat ${home}/hub-url)`;
  const project = "/v1/projects/default";
  return `
Holdfast runs.

  API       ${hubUrl}   (documentation: ${hubUrl}/docs)
  site-node ${siteUrl}
  token     ${token}
  state     ${home}   (logs: hub.log, site.log, agent.log)

Three commands to try:

  # this machine, as its own agent sees it
  ${curl}${project}/compute/hosts

  # give it a name, and watch the name arrive at the site
  ${curl}${project}/compute/hosts/${host} -X PATCH -H 'content-type: application/json' -d '{"name":"my-first-host"}'

  # how far the site has got
  curl -s ${siteUrl}/v1/status

Ctrl-C stops everything; the next start finds it again.
`;
}

await main();
process.exit();
