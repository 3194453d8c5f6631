import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Fleet } from "./fleet.ts";
import { holdfast, waitFor } from "./program.ts";

test("a site and the commands trust a hub by its root's fingerprint, also after a restart while the hub is away", async () => {
  const fleet = new Fleet({ tls: true });
  await fleet.startHub();
  expect(fleet.hubUrl).toMatch(/^https:/);
  const { root } = await fleet.ask("GET", "/v1/trust");
  const id = await fleet.startSite("--hub-root-fingerprint", root.fingerprint);
  await waitFor("the hub has heard the site", async () => {
    const { heardAt } = await fleet.ask("GET", `/v1/projects/default/sites/${id}/status`);
    return heardAt ? true : undefined;
  });
  expect(readFileSync(join(fleet.folder, "site", "hub-root.pem"), "utf8")).toBe(root.certificate);

  const words = ["--url", fleet.hubUrl, "--root-file", join(fleet.home, "root.pem")];
  const shown = await holdfast(
    "get",
    "sites",
    ...words,
    "--token-file",
    join(fleet.home, "operator-token"),
    "-o",
    "json",
  );
  expect(JSON.parse(shown)).toMatchObject([{ resourceId: id }]);

  await fleet.endHub();
  await fleet.restartSite();
  await fleet.startHub();
  const before = Date.now();
  await waitFor("the hub has heard the site again", async () => {
    const { heardAt } = await fleet.ask("GET", `/v1/projects/default/sites/${id}/status`);
    return Date.parse(heardAt) >= before ? true : undefined;
  });
});

test("a site that was given another root's fingerprint tells nobody its token, and says why", async () => {
  const fleet = new Fleet({ tls: true });
  await fleet.startHub();
  const id = await fleet.startSite("--hub-root-fingerprint", Array.from({ length: 32 }, () => "AB").join(":"));
  await waitFor("it is said", () => (fleet.siteOutput.includes("shows the root") ? true : undefined));
  expect((await fleet.ask("GET", `/v1/projects/default/sites/${id}/status`)).heardAt).toBeFalsy();
});
