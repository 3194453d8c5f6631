import { expect, test } from "vitest";
import { startSigninHub } from "./signin/under-test.ts";

test("whoever has signed in learns which features there are, and nobody else", async () => {
  await using hub = await startSigninHub();
  await hub.user("alice", "");
  const { access_token } = (await hub.signIn("alice")).body;
  for (const token of [access_token, hub.operator]) {
    const { status, headers, body } = await hub.ask("GET", "/v1/orchestrator", undefined, token);
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringContaining("json")]);
    expect(body["schema-version"]).toBe("1.0");
    const { version, features } = body.orchestrator;
    expect(version).toMatch(/^\d/);
    const installed = { installed: true };
    expect(features).toEqual({
      "edge-infrastructure-manager": {
        installed: true,
        onboarding: installed,
        provisioning: installed,
        day2: installed,
      },
      multitenancy: installed,
    });
  }
  expect((await fetch(`${hub.url}/v1/orchestrator`)).status).toBe(401);
  expect((await hub.ask("GET", "/v1/orchestrator", undefined, "hfo_unknown-to-everybody")).status).toBe(401);
});
