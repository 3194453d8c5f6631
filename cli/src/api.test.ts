import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type Api, createApi } from "./api.ts";

/** A hub with so many regions, of whose pages some say by a token where the next begins, and all whether there is one. */
async function withRegions(
  count: number,
  hasToken: (begin: number) => boolean,
): Promise<{ api: Api; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://hub");
    asked.push(String(searchParams));
    const begin = Number(searchParams.get("pageToken") ?? searchParams.get("offset") ?? 0);
    const end = Math.min(begin + Number(searchParams.get("pageSize")), count);
    const regions = Array.from({ length: end - begin }, (_, at) => ({ resourceId: begin + at }));
    const next = end < count && hasToken(begin) ? { nextPageToken: String(end) } : {};
    response.end(JSON.stringify({ regions, totalElements: count, hasNext: end < count, ...next }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = { url: () => url, project: () => "acme", fetch: () => fetch };
  return { api: createApi({ connection, token: async () => "t", signal: new AbortController().signal }), asked };
}

const REGIONS = { path: "regions", key: "regions" };

test.each([
  ["each page", () => true],
  ["no page", () => false],
  ["the first page alone", (begin: number) => begin < 100],
])("a list is whole where %s says by a token where the next begins", async (_, hasToken) => {
  const { api } = await withRegions(350, hasToken);
  const { resources, total } = await api.list(REGIONS, { orderBy: "name" }, Number.POSITIVE_INFINITY);
  expect(resources.map(({ resourceId }) => resourceId)).toEqual(Array.from({ length: 350 }, (_, at) => at));
  expect(total).toBe(350);
});

test("a list that begins further on goes on from there, and ends where it shall", async () => {
  const { api, asked } = await withRegions(350, () => false);
  const { resources } = await api.list(REGIONS, { offset: 20 }, 150);
  expect(resources.map(({ resourceId }) => resourceId)).toEqual(Array.from({ length: 150 }, (_, at) => at + 20));
  expect(asked).toEqual(["offset=20&pageSize=100", "offset=120&pageSize=50"]);
});
