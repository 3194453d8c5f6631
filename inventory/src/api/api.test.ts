import { connect } from "node:net";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { createLog, Fault } from "@holdfast/runtime";
import { describe, expect, test } from "vitest";
import { openApi } from "./api-under-test.ts";

describe("who may do what", () => {
  test("health, the document and its pages answer anybody; everything else asks who it is", async () => {
    await using api = await openApi();
    expect(await api.ask("GET", "/v1/health", { as: null })).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await api.ask("GET", "/openapi.json", { as: null })).toMatchObject({ status: 200 });
    expect(await api.ask("GET", "/docs", { as: null })).toMatchObject({ status: 200 });
    for (const path of ["compute/hosts", "/v1/nothing", "/v1/projects/acme", "/"]) {
      for (const as of [null, "stranger"]) {
        const { status, body } = await api.ask("GET", path, { as });
        expect([path, status, body.code]).toEqual([path, 401, "Unauthenticated"]);
      }
    }
  });

  test("the role read does not write", async () => {
    await using api = await openApi();
    expect(await api.ask("GET", "regions", { as: "reader" })).toMatchObject({ status: 200 });
    for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
      const path = method === "POST" ? "regions" : "regions/region-00000001";
      const { status, body } = await api.ask(method, path, { as: "reader", body: {} });
      expect([method, status, body.code]).toEqual([method, 403, "PermissionDenied"]);
    }
    expect(await api.done("GET", "regions")).toMatchObject({ totalElements: 0 });
  });

  test("a project that one may not see answers as one that does not exist", async () => {
    await using api = await openApi();
    const hidden = await api.ask("GET", "regions", { as: "writer-of-other" });
    const absent = await api.ask("GET", "/v1/projects/nobody/regions", { as: "writer-of-other" });
    expect(hidden).toMatchObject({ status: 404, body: { code: "NotFound", message: "project not found" } });
    expect(hidden.text).toBe(absent.text);
    expect(await api.ask("POST", "regions", { as: "writer-of-other", body: { name: "x" } })).toMatchObject({
      status: 404,
    });
    expect(await api.done("GET", "regions")).toMatchObject({ totalElements: 0 });
  });

  test("a project is found by its name and by its UUID, and sees its own resources alone", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", "regions", { name: "north" });
    expect(await api.done("GET", `/v1/projects/${api.acme.id}/regions/${resourceId}`)).toMatchObject({ resourceId });
    expect(await api.ask("GET", `/v1/projects/other/regions/${resourceId}`)).toMatchObject({ status: 404 });
  });

  test("changes carry the actor that asked for them, by which token, from which address, and in which request", async () => {
    await using api = await openApi();
    const { body, headers } = await api.ask("POST", "regions", { body: { name: "north" } });
    const changes = await api.store.read((view) => view.changes(api.acme.id, 0, 10));
    expect(changes.find(({ id }) => id === body.resourceId)).toMatchObject({
      ...{ actor: "operator:w", token: "token-w", address: "127.0.0.1", request: headers["x-request-id"] },
      operation: "create",
    });
  });
});

describe("a program's own routes", () => {
  const open = () =>
    openApi({
      extend: (app) => {
        app.get("/v1/mine", async (request) => ({ actor: request.principal?.actor }));
        app.post("/v1/own", { config: { auth: "own" } }, async (request) => ({ principal: request.principal ?? null }));
        app.get("/v1/broken", async () => {
          throw new Error("the password is hunter2");
        });
        app.get("/v1/busy", async () => {
          throw new Fault("ResourceExhausted", "later");
        });
      },
    });

  test("have the same authentication, unless they bring their own", async () => {
    await using api = await open();
    expect((await api.ask("GET", "/v1/mine", { as: null })).status).toBe(401);
    expect((await api.ask("GET", "/v1/mine")).body).toEqual({ actor: "operator:w" });
    expect((await api.ask("POST", "/v1/own", { as: null })).body).toEqual({ principal: null });
  });

  test("have the same errors", async () => {
    await using api = await open();
    expect((await api.ask("GET", "/v1/busy")).text).toBe('{"code":"ResourceExhausted","message":"later"}');
    expect((await api.ask("GET", "/v1/busy")).status).toBe(429);
  });

  test("take control characters when they bring their own authentication", async () => {
    await using api = await openApi({
      extend: (app) => {
        app.post("/v1/log", { config: { auth: "own" } }, async ({ body }) => body);
        app.post("/v1/talk", async ({ body }) => body);
      },
    });
    const body = { line: "\u001b[31mred" };
    expect(await api.ask("POST", "/v1/log", { body, as: null })).toMatchObject({ status: 200, body });
    expect(await api.ask("POST", "/v1/talk", { body })).toMatchObject({ status: 400 });
  });

  test("are in the document", async () => {
    await using api = await open();
    expect((await api.done("GET", "/openapi.json")).paths).toHaveProperty("/v1/mine");
  });

  test("a fault of ours tells the log what happened and the caller nothing", async () => {
    const lines: string[] = [];
    const sink = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) });
    await using api = await openApi({
      log: createLog("test", "info", sink),
      extend: (app) => {
        app.get("/v1/broken", async () => {
          throw new Error("the password is hunter2");
        });
      },
    });
    const answer = await api.ask("GET", "/v1/broken");
    expect(answer).toMatchObject({ status: 500, text: '{"code":"Internal","message":"internal error"}' });
    expect(lines.join("")).toContain("hunter2");
    expect(lines.join("")).toContain(String(answer.headers["x-request-id"]));
  });
});

describe("what the server refuses", () => {
  const json = { "content-type": "application/json" };

  test("an unknown path, as compact JSON", async () => {
    await using api = await openApi();
    const answer = await api.ask("GET", "/v1/nothing");
    expect(answer).toMatchObject({ status: 404, text: '{"code":"NotFound","message":"no such path"}' });
    expect(String(answer.headers["content-type"])).toContain("json");
  });

  test("a method that a path is not offered with, saying which it is", async () => {
    await using api = await openApi();
    const answer = await api.ask("PUT", "providers/provider-00000001/", { body: {} });
    expect(answer).toMatchObject({ status: 405, body: { code: "Unimplemented" } });
    expect(answer.headers.allow).toBe("GET, HEAD, DELETE");
    expect((await api.ask("DELETE", "/v1/health")).headers.allow).toBe("GET, HEAD");
    expect((await api.ask("PUT", "providers/provider-00000001", { as: null })).status).toBe(401);
    expect((await api.ask("PUT", "providers/provider-00000001/more", { body: {} })).status).toBe(404);
  });

  test("malformed JSON, and JSON that would poison a prototype", async () => {
    await using api = await openApi();
    for (const body of ["{", '{"name":"x",}', '{"__proto__":{"name":"x"}}']) {
      const { status, body: answer } = await api.ask("POST", "regions", { body, headers: json });
      expect([body, status, answer.code]).toEqual([body, 400, "InvalidArgument"]);
    }
  });

  test("a poisonous body also where nothing else looks at its fields", async () => {
    await using api = await openApi({ extend: (app) => void app.post("/v1/talk", async ({ body }) => body) });
    for (const body of ['{"__proto__":{"name":"x"}}', '{"constructor":{"prototype":{"name":"x"}}}']) {
      expect((await api.ask("POST", "/v1/talk", { body, headers: json })).status).toBe(400);
    }
  });

  test("a body that is not an object, or missing", async () => {
    await using api = await openApi();
    for (const body of ["[]", "null", '"x"', "1", ""]) {
      const { status, body: answer } = await api.ask("POST", "regions", { body, headers: json });
      expect([body, status, answer.message]).toEqual([body, 400, "the body: must be an object"]);
    }
  });

  test("an id that is that of no kind, naming the parameter", async () => {
    await using api = await openApi();
    for (const method of ["GET", "PUT", "PATCH", "DELETE"] as const) {
      const answer = await api.ask(method, "compute/hosts/nope", method === "GET" ? {} : { body: {} });
      const told = { code: "InvalidArgument", message: 'resourceId: "nope" is not the id of a resource' };
      expect([method, answer.status, answer.body]).toEqual([method, 400, told]);
    }
  });

  test("a body of another type than JSON", async () => {
    await using api = await openApi();
    for (const type of ["text/plain", "application/xml", "application/x-www-form-urlencoded"]) {
      const answer = await api.ask("POST", "regions", { body: "name=x", headers: { "content-type": type } });
      const told = { code: "InvalidArgument", message: "content-type: must be application/json" };
      expect([type, answer.status, answer.body]).toEqual([type, 415, told]);
    }
  });

  test("a body over 100 KiB", async () => {
    await using api = await openApi();
    const ofSize = (size: number) => `{"name":"x"${" ".repeat(size - 12)}}`;
    expect((await api.ask("POST", "regions", { body: ofSize(100 * 1024), headers: json })).status).toBe(200);
    const answer = await api.ask("POST", "regions", { body: ofSize(100 * 1024 + 1), headers: json });
    expect(answer).toMatchObject({ status: 413, body: { code: "ResourceExhausted" } });
  });

  test.each([
    ["headers that are too large", `GET /v1/health HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431"],
    ["what is no HTTP", "\u0016\u0003\u0001 hello\r\n\r\n", "400"],
  ])("%s, as compact JSON", async (_, sent, status) => {
    await using api = await openApi();
    const { hostname, port } = new URL(await api.app.listen({ host: "127.0.0.1", port: 0 }));
    const socket = connect(Number(port), hostname);
    socket.write(sent);
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/i);
    expect(answer).toMatch(/\{"code":"InvalidArgument","message":"[a-zA-Z ]+"\}$/);
  });

  test("a part of the path that is longer than any name or id", async () => {
    await using api = await openApi();
    const { status, text, headers } = await api.ask("GET", `regions/${"a".repeat(300)}`);
    expect([status, text]).toEqual([414, '{"code":"InvalidArgument","message":"a part of the path is too long"}']);
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a body nested deeper than anything here is", async () => {
    await using api = await openApi();
    const body = `{"metadata":${"[".repeat(40_000)}${"]".repeat(40_000)}}`;
    const answer = await api.ask("POST", "regions", { body, headers: json });
    expect(answer).toMatchObject({ status: 400, body: { message: "the body is nested deeper than 32" } });
  });

  test("characters that cannot be printed, in the URL and in the body", async () => {
    await using api = await openApi();
    for (const escaped of ["%00", "%07", "%E2%80%AE", "%EF%BF%BF"]) {
      const { status, body } = await api.ask("GET", `regions?filter=name%3D${escaped}`);
      expect([escaped, status, body.message]).toEqual([escaped, 400, "the URL has characters that cannot be printed"]);
    }
    for (const body of [{ name: "a\u0000" }, { name: "a\u202e" }, { "na\u0007me": "x" }]) {
      const answer = await api.ask("POST", "regions", { body });
      expect(answer).toMatchObject({
        status: 400,
        body: { message: "the body has characters that cannot be printed" },
      });
    }
  });

  test("a URL that is not percent-encoded UTF-8", async () => {
    await using api = await openApi();
    for (const path of ["regions/%zz", "regions?filter=%zz", "regions/%c3%28"]) {
      const { status, body } = await api.ask("GET", path);
      expect([path, status, body.code]).toEqual([path, 400, "InvalidArgument"]);
    }
  });

  test("a request that takes too long, with 503", async () => {
    await using api = await openApi({
      extend: (app) => {
        app.get("/v1/slow", { handlerTimeout: 20 }, () => new Promise(() => {}));
      },
    });
    expect(await api.ask("GET", "/v1/slow")).toMatchObject({ status: 503, body: { code: "Unavailable" } });
    expect(api.app.initialConfig).toMatchObject({ handlerTimeout: 15_000, requestTimeout: 15_000 });
  });
});

describe("small courtesies", () => {
  test("a trailing slash makes no difference", async () => {
    await using api = await openApi();
    expect(await api.done("GET", "regions/")).toMatchObject({ totalElements: 0 });
  });

  test("a request id comes back as it came, and is made when there is none worth keeping", async () => {
    await using api = await openApi();
    const idOf = async (id?: string) =>
      (await api.ask("GET", "regions", { headers: id === undefined ? {} : { "x-request-id": id } })).headers[
        "x-request-id"
      ];
    expect(await idOf("abc-1")).toBe("abc-1");
    expect(await idOf("a b\tc")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf("x".repeat(101))).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf()).not.toBe(await idOf());
  });
});
