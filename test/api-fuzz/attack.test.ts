import Fastify from "fastify";
import { expect, test } from "vitest";
import { attack, type Outcome } from "./attack.ts";
import type { ApiDocument } from "./document.ts";
import { hubUnderAttack } from "./hub.ts";

const ERROR = {
  content: {
    "application/json": {
      schema: {
        type: "object",
        properties: { code: { type: "string" } },
        required: ["code"],
        additionalProperties: false,
      },
    },
  },
};

const DOCUMENT: ApiDocument = {
  paths: {
    "/v1/projects/{projectName}/things": {
      post: {
        operationId: "CreateThing",
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
        responses: {
          200: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
          400: ERROR,
        },
      },
    },
    "/v1/projects/{projectName}/things/{resourceId}": {
      get: {
        operationId: "GetThing",
        responses: {
          200: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
          404: { $ref: "#/components/responses/NotFound" },
        },
      },
    },
  },
  components: {
    responses: { NotFound: ERROR },
    schemas: {
      Thing: {
        type: "object",
        properties: {
          resourceId: { type: "string", pattern: "^thing-[0-9a-f]{8}$", readOnly: true },
          size: { type: "integer", minimum: 0, maximum: 9 },
        },
        required: ["size"],
      },
    },
  },
};

interface Wrong {
  /** Instead of the thing that was made, when the size asked for is more than five. */
  readonly onCreate?: { readonly status: number; readonly body: string };
  readonly onGet?: { readonly status: number; readonly body: string };
  readonly withoutRequestId?: true;
}

/** Attacks an API of one kind of thing that is right but for what is told. */
async function attackOn({ onCreate, onGet, withoutRequestId }: Wrong): Promise<Outcome> {
  const app = Fastify();
  const things = new Map<string, object>();
  app.addHook("onRequest", async (request, reply) => {
    if (!withoutRequestId) reply.header("x-request-id", request.id);
  });
  app.setErrorHandler((_error, _request, reply) => reply.code(400).send({ code: "InvalidArgument" }));
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ code: "NotFound" }));
  const send = (
    reply: { code(status: number): { type(type: string): { send(body: string): unknown } } },
    wrong: NonNullable<Wrong["onGet"]>,
  ) => reply.code(wrong.status).type("application/json").send(wrong.body);
  app.post<{ Body: { size?: unknown } | null }>("/v1/projects/:project/things", async (request, reply) => {
    const size = request.body?.size;
    const isAllowed = Number.isSafeInteger(size) && Number(size) >= 0 && Number(size) <= 9;
    if (!isAllowed) return reply.code(400).send({ code: "InvalidArgument" });
    if (onCreate && Number(size) > 5) return send(reply, onCreate);
    const thing = { resourceId: `thing-${String(things.size).padStart(8, "0")}`, size };
    things.set(thing.resourceId, thing);
    return thing;
  });
  app.get<{ Params: { id: string } }>("/v1/projects/:project/things/:id", async (request, reply) => {
    const thing = things.get(request.params.id);
    if (!thing) return reply.code(404).send({ code: "NotFound" });
    return onGet ? send(reply, onGet) : thing;
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const tokens = { writer: "w", reader: "r", nobody: undefined, somebody: "s" };
  try {
    return await attack({
      target: async () => ({ url, project: "p", tokens }),
      document: DOCUMENT,
      seed: 11,
      sequences: 40,
    });
  } finally {
    await app.close();
  }
}

test("an API that answers as its document says is found to do so, also of what it made", async () => {
  const { failure, tally } = await attackOn({});
  expect(failure).toBeUndefined();
  for (const id of ["CreateThing", "GetThing"]) expect(tally.get(id)?.get(200)).toBeGreaterThan(20);
  expect(tally.get("CreateThing")?.get(400)).toBeGreaterThan(5);
  expect(tally.get("GetThing")?.get(404)).toBeGreaterThan(5);
});

test.each<[string, Wrong, string]>([
  ["a status of 500 or more", { onCreate: { status: 503, body: "{}" } }, "CreateThing answers 503"],
  ["a status that is not declared", { onCreate: { status: 409, body: "{}" } }, "answers 409, which is not declared"],
  ["a body that its schema forbids", { onGet: { status: 200, body: '{"size":10}' } }, "/size must be <= 9"],
  [
    "a refusal that its schema forbids",
    { onCreate: { status: 400, body: '{"error":1}' } },
    "must have required property",
  ],
  ["a body that is no JSON", { onGet: { status: 200, body: "{" } }, "is not JSON"],
  ["no request id", { withoutRequestId: true }, "without x-request-id"],
])("%s is found, with the shortest story that leads to it", async (_what, wrong, said) => {
  const { failure } = await attackOn(wrong);
  expect(failure?.story).toContain(said);
  // Two requests at most, each with its answer, and what was wrong.
  expect(failure?.story.split("\n").length).toBeLessThanOrEqual(5);
});

test("the hub answers as its document says", async () => {
  await using hub = await hubUnderAttack();
  const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as ApiDocument;
  const { failure, tally } = await attack({ target: hub.target, document, seed: 20_261_123, sequences: 8 });
  expect(failure?.story).toBeUndefined();
  expect(tally.size).toBeGreaterThan(60);
}, 60_000);
