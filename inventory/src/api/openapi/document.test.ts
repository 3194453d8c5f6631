import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";
import { type Document, differences } from "./contract-differences.ts";

const CONTRACT = JSON.parse(
  readFileSync(new URL("../../../fixtures/eim-contract.json", import.meta.url), "utf8"),
) as Document;

async function served(): Promise<Document> {
  await using api = await openApi();
  return (await api.done("GET", "/openapi.json")) as unknown as Document;
}

test("inventory/openapi.json is what is served (vitest --update writes it)", async () => {
  await expect(`${JSON.stringify(await served(), null, 1)}\n`).toMatchFileSnapshot("../../../openapi.json");
});

describe("the contract of the API that this one stands in for", () => {
  test("is kept: every path, parameter, field, type, limit and enumeration", async () => {
    expect(differences(CONTRACT, await served())).toEqual([]);
  });

  test("would be seen to be broken", async () => {
    const seen = async (spoil: (document: string) => string) =>
      differences(CONTRACT, JSON.parse(spoil(JSON.stringify(await served()))) as Document).join("\n");
    expect(await seen((text) => text.replaceAll("hosts_summary", "hosts_total"))).toContain("missing");
    expect(await seen((text) => text.replaceAll('"pageSize"', '"size"'))).toContain("?pageSize: missing");
    expect(await seen((text) => text.replaceAll('"HOST_STATE_UNTRUSTED",', ""))).toContain("HOST_STATE_UNTRUSTED");
    expect(await seen((text) => text.replaceAll('"memoryBytes"', '"memory"'))).toContain("memoryBytes: missing");
    expect(await seen((text) => text.replaceAll('"maxLength":316', '"maxLength":31'))).toContain("maxLength");
    expect(await seen((text) => text.replaceAll('"readOnly":true', '"readOnly":false'))).toContain("readOnly");
  });
});

test("every operation declares the errors that it can give", async () => {
  const { paths, components } = await served();
  const declared = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {}).join(" ");
  const hosts = "/v1/projects/{projectName}/compute/hosts";
  expect(declared(hosts, "get")).toBe("200 400 401 403 404 410 414 429 431 500 503 504");
  expect(declared(hosts, "post")).toBe("200 400 401 403 404 409 413 414 415 429 431 500 501 503 504");
  expect(declared(`${hosts}/{resourceId}`, "patch")).toContain(" 412 ");
  expect(declared("/v1/health", "get")).toBe("200 400 414 429 431 500 503 504");
  for (const operation of Object.values(paths).flatMap((each) => Object.values(each))) {
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["400", "429", "500", "503"]));
    expect(operation.responses).not.toHaveProperty("default");
  }
  const { responses = {} } = components as { responses?: Readonly<Record<string, unknown>> };
  for (const [, name] of JSON.stringify(paths).matchAll(/"#\/components\/responses\/([^"]+)"/g)) {
    expect(Object.keys(responses)).toContain(name);
  }
});

test("every reference in the document leads somewhere, and no two operations share an id", async () => {
  const document = await served();
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(Object.keys(document.components?.schemas ?? {})).toContain(name);
  }
  const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("the pages that show the document need nothing from elsewhere", async () => {
  await using api = await openApi();
  const { text } = await api.ask("GET", "/docs", { as: null });
  expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  const assets = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path));
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    const path = new URL(asset, "http://x/docs/").pathname;
    expect([path, (await api.ask("GET", path, { as: null })).status]).toEqual([path, 200]);
  }
  const initializer = await api.ask("GET", "/docs/static/swagger-initializer.js", { as: null });
  expect(initializer.text).toMatch(/validatorUrl"?:\s*null/);
});
