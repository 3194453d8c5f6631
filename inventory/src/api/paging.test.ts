import { describe, expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const NAMES = ["delta", "alpha", "echo", "bravo", "charlie"];

async function populated(): Promise<ApiUnderTest> {
  const api = await openApi();
  for (const name of NAMES) await api.done("POST", "regions", { name });
  return api;
}

const namesIn = ({ regions }: Body) => (regions as Body[]).map(({ name }) => name);

describe("page tokens", () => {
  test("lead through a list to its end, in its order", async () => {
    await using api = await populated();
    const seen: unknown[] = [];
    let query = "regions?orderBy=name%20desc&pageSize=2";
    for (let pages = 1; ; pages++) {
      const page = await api.done("GET", query);
      seen.push(...namesIn(page));
      expect(page.totalElements).toBe(5);
      expect(page.hasNext).toBe(pages < 3);
      expect(page.nextPageToken !== undefined).toBe(page.hasNext);
      if (!page.hasNext) break;
      query = `regions?orderBy=name%20desc&pageSize=2&pageToken=${String(page.nextPageToken)}`;
    }
    expect(seen).toEqual(NAMES.toSorted().toReversed());
  });

  test("skip nothing and repeat nothing when others come and go in between", async () => {
    await using api = await populated();
    const first = await api.done("GET", "regions?orderBy=name&pageSize=2");
    expect(namesIn(first)).toEqual(["alpha", "bravo"]);
    const [gone] = first.regions as Body[];
    await api.done("DELETE", `regions/${String(gone?.resourceId)}`);
    await api.done("POST", "regions", { name: "aaa" });
    await api.done("POST", "regions", { name: "delta2" });
    const next = await api.done("GET", `regions?orderBy=name&pageToken=${String(first.nextPageToken)}`);
    expect(namesIn(next)).toEqual(["charlie", "delta", "delta2", "echo"]);
  });

  test("go on in the list for which they were given, and say in what another differs", async () => {
    await using api = await populated();
    const { nextPageToken } = await api.done("GET", `regions?orderBy=name&filter=name%21=""&pageSize=1`);
    const token = `pageToken=${String(nextPageToken)}`;
    for (const [query, message] of [
      [`regions?orderBy=name&filter=name%21="x"&${token}`, "pageToken: was given for another filter"],
      [`regions?orderBy=name%20desc&filter=name%21=""&${token}`, "pageToken: was given for another orderBy"],
      [`regions?orderBy=name&filter=name%21=""&match=name:x&${token}`, "pageToken: was given for another match"],
      [`sites?orderBy=name&filter=name%21=""&${token}`, "pageToken: was given for another list"],
      [`/v1/projects/other/regions?orderBy=name&filter=name%21=""&${token}`, "pageToken: was given for another list"],
      [`regions?orderBy=name&filter=name%21=""&offset=1&${token}`, "offset: must be 0 with a pageToken"],
    ] as const) {
      const { status, body } = await api.ask("GET", query);
      expect([query, status]).toEqual([query, 400]);
      expect(body.message).toContain(message);
    }
  });

  test("that were not given here are refused, whatever they hold", async () => {
    await using api = await populated();
    const made = (content: unknown) => Buffer.from(JSON.stringify(content)).toString("base64url");
    for (const token of ["x", "%22%22", made([]), made([null, "x", []]), made([{}, 1, []]), made([{}, "x", [{}]])]) {
      const { status, body } = await api.ask("GET", `regions?pageToken=${token}`);
      expect([token, status, body.message]).toEqual([token, 400, "pageToken: is none that was given here"]);
    }
    expect((await api.ask("GET", "regions?pageToken=")).body.message).toBe("pageToken: is empty");
  });
});

describe("match", () => {
  const found = async (api: ApiUnderTest, ...matches: string[]) =>
    namesIn(await api.done("GET", `regions?${matches.map((each) => `match=${encodeURIComponent(each)}`).join("&")}`));

  test("finds what is exactly so, where a filter finds what holds it", async () => {
    await using api = await populated();
    for (const name of ["Alpha", "alpha.1", "al*"]) await api.done("POST", "regions", { name: name.replace("*", "-") });
    expect(await found(api, "name:alpha")).toEqual(["alpha"]);
    expect(await found(api, "name:al*")).toEqual([]);
    expect(namesIn(await api.done("GET", `regions?filter=name=alpha`))).toHaveLength(3);
  });

  test("takes a value as it is: quotes, colons and operators are part of it", async () => {
    await using api = await openApi();
    await api.done("POST", "regions", { name: "a:b AND c" });
    expect(await found(api, "name:a:b AND c")).toEqual(["a:b AND c"]);
    expect(await found(api, `name:"a:b AND c"`)).toEqual([]);
    expect(await found(api, "name:x' OR name='")).toEqual([]);
  });

  test("means all of several, takes fields as filters do, and an empty value for what is unset", async () => {
    await using api = await openApi();
    const north = await api.done("POST", "regions", { name: "north" });
    await api.done("POST", "regions", { name: "oslo", parentId: north.resourceId });
    await api.done("POST", "regions", { name: "oslo" });
    expect(await found(api, "name:oslo")).toHaveLength(2);
    expect(await found(api, "name:oslo", "parentRegion.name:north")).toEqual(["oslo"]);
    expect(await found(api, "parent_region.name:north", "name:north")).toEqual([]);
    expect(await found(api, "name:oslo", "parentId:")).toEqual(["oslo"]);
    expect(await found(api, `resourceId:${String(north.resourceId)}`)).toEqual(["north"]);
  });

  test("is refused, naming it, when the field is unknown, has no such value, or is not named", async () => {
    await using api = await openApi();
    for (const [match, message] of [
      ["colour:red", 'match: unknown field "colour"'],
      ["name", 'match: "name" is not field:value'],
      [":x", 'match: ":x" is not field:value'],
      ["metadata:x", 'match: "metadata" has no value of its own'],
      ["parentRegion:x", 'match: "parentRegion" has no value of its own'],
    ]) {
      expect((await api.ask("GET", `regions?match=${match}`)).body).toEqual({ code: "InvalidArgument", message });
    }
    expect((await api.ask("GET", "regions?match=")).body.message).toBe("match: is empty");
    const many = Array.from({ length: 11 }, () => "match=name:x").join("&");
    expect((await api.ask("GET", `regions?${many}`)).body.message).toContain("match: must not have more than 10");
  });
});
