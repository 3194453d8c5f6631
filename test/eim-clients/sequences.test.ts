import { PASSWORD, type SigninHub, startSigninHub } from "@holdfast/hub/signin/under-test";
import { systemClock } from "@holdfast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filled, shortcoming, type Variables } from "./expectation.ts";
import { undecodable } from "./generated-client.ts";
import { GoClient } from "./go-client.ts";
import { noteUpdates } from "./noted-updates.ts";
import { report } from "./reporting-site.ts";
import { type Exchange, readSequences } from "./sequence.ts";

/** Files of `sequences/`; each goes on with what those before it have made. */
const GROUPS = [
  "signing-in",
  "projects",
  "places",
  "what-is-installed",
  "hosts",
  "update-policies",
  "update-runs",
  "schedules",
  "the-end",
];

const HAPPENINGS: Readonly<Record<string, (hub: SigninHub, variables: Variables) => Promise<void>>> = {
  "the site reports {host} and {instance}": report,
  "{instance} is updated by {pinned}, and by hand": noteUpdates,
};

/** The groups whose commands are about a project: before anything else, each of them asks whether there is one. */
const IN_PROJECT = GROUPS.slice(GROUPS.indexOf("places"));

const PROJECT_CHECK: Exchange = {
  ...{ method: "GET", target: "/v1/projects/{project}", contentType: undefined, body: undefined },
  ...{ status: 200, expected: [] },
};

/** Those of somebody who runs projects and their machines. */
const ROLES = `im-rw,oob-power,oob-console,${["project", "org"]
  .flatMap((of) => ["read", "write", "update", "delete"].map((may) => `${of}-${may}-role`))
  .join(",")}`;

/** Starting a hub on a machine that does much else took longer than the ten seconds that a hook has. */
const TO_START = 30_000;

/** What the sequences begin with, and what their answers have said since. */
const said: Variables = new Map();
let hub: SigninHub;
let client: GoClient;

beforeAll(async () => {
  hub = await startSigninHub();
  client = new GoClient(hub.url);
  await hub.user("admin", ROLES);
  const told = { project: "default", user: "admin", password: encodeURIComponent(PASSWORD).replaceAll("%20", "+") };
  for (const [name, value] of Object.entries(told)) said.set(name, value);
  said.set("keycloak", `${hub.url}/realms/master`);
}, TO_START);

afterAll(async () => {
  client[Symbol.dispose]();
  await hub[Symbol.asyncDispose]();
});

/** Sends one request and answers what its client could not live with, a line each. */
async function perform({ method, target, contentType, body, status, expected }: Exchange): Promise<readonly string[]> {
  const now = systemClock.now();
  const fill = (text: string) => filled(text, said, now);
  const token = target.startsWith("/realms/") ? undefined : said.get("token");
  const request = { method, target: fill(target), contentType, body: body && fill(body), token };
  const answer = await client.send(request);
  if (answer.status !== status) return [`${answer.status} instead of ${status}: ${answer.text}`];
  const type = answer.headers.get("content-type") ?? "nothing";
  if (!type.includes("json")) return [`${type} is not JSON`];
  return [
    ...(status === 200 ? undecodable(method, request.target, JSON.parse(answer.text)) : []),
    ...expected.map((each) => shortcoming(fill(each), answer.text, said)).filter((fault) => fault !== undefined),
  ];
}

describe.each(GROUPS)("%s:", (group) => {
  for (const { title, steps } of readSequences(group)) {
    test(title, async () => {
      const checks = IN_PROJECT.includes(group) && title.startsWith("orch-cli ") ? [PROJECT_CHECK] : [];
      for (const step of [...checks, ...steps]) {
        if ("happens" in step) await HAPPENINGS[step.happens]?.(hub, said);
        else
          expect([`${step.method} ${step.target}`, await perform(step)]).toEqual([`${step.method} ${step.target}`, []]);
      }
    });
  }
});
