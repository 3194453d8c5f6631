import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Configuration, openConfiguration } from "./configuration.ts";
import { connectionOf } from "./connection.ts";
import { tokenFor } from "./token.ts";

const URL = "https://hub.example";
const CLOCK = { now: () => 1_000_000 };

/** Asks for a token with a session that has run out; `meanwhile` is what happens while the issuer answers. */
async function renewing(meanwhile: (configuration: Configuration) => void) {
  const home = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  const configuration = openConfiguration({ HOME: home });
  const issuer = createServer((_request, response) => {
    meanwhile(configuration);
    response.end(JSON.stringify({ access_token: "fresh", refresh_token: "refresh-1", expires_in: 300 }));
  });
  await once(issuer.listen(0, "127.0.0.1"), "listening");
  const tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
  const session = { tokenUrl, accessToken: "old", accessUntil: 0, refreshToken: "refresh-1" };
  configuration.remember(URL, { project: "default", session });
  configuration.makeCurrent(URL);
  try {
    const connection = connectionOf({ given: {}, environment: {}, configuration });
    const token = await tokenFor(connection, { configuration, clock: CLOCK, signal: new AbortController().signal });
    return { token, stored: configuration.endpoint(URL), session };
  } finally {
    issuer.close();
    issuer.closeAllConnections();
    rmSync(home, { recursive: true });
  }
}

test("a token that has run out is renewed, and the new one is stored beside whatever else was", async () => {
  const { token, stored, session } = await renewing((configuration) => {
    const known = configuration.endpoint(URL);
    configuration.remember(URL, { ...known, project: "south" });
  });
  expect(token).toBe("fresh");
  expect(stored).toEqual({ project: "south", session: { ...session, accessToken: "fresh", accessUntil: 1_300_000 } });
});

test("who signs out while a token is renewed is signed out", async () => {
  const { stored } = await renewing((configuration) => configuration.forget(URL));
  expect(stored).toBeUndefined();
});

test("who signs in elsewhere while a token is renewed has that session there, and this one here", async () => {
  const { stored } = await renewing((configuration) => configuration.makeCurrent("https://other.example"));
  expect(stored?.session?.accessToken).toBe("fresh");
});

test("who signs in as somebody else while a token is renewed stays so", async () => {
  const session = { tokenUrl: `${URL}/token`, accessToken: "other", accessUntil: 2_000_000, refreshToken: "refresh-2" };
  const { stored } = await renewing((configuration) => configuration.remember(URL, { session }));
  expect(stored).toEqual({ session });
});
