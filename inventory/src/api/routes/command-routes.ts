import { COMMAND_STATUSES, COMMANDS, Host } from "@holdfast/protocol";
import { type Clock, Fault, seconds } from "@holdfast/runtime";
import { BODY, checkValue, refusal, type ValueSchema } from "../body/check-value.ts";
import type { Command, Commands, NewCommand } from "../commands.ts";
import { type Components, componentRef, TIME } from "../openapi/components.ts";
import { SHORT_PAGE } from "../query.ts";
import { rfc3339 } from "../render/time.ts";
import { checkOwnId } from "../resource-id.ts";
import type { Resources } from "../resources.ts";
import { type Call, parameter, type Route } from "./route.ts";

const TEXT = { type: "string" } as const;
const ID = { type: "string", pattern: "^command-[0-9a-f]{16}$" } as const;
const NAMES = { type: "string", enum: Object.keys(COMMANDS) };
const STATUSES: readonly Command["status"][] = ["pending", "held", ...COMMAND_STATUSES];

const VALID_SECONDS = 600;

const ISSUE = {
  type: "object",
  properties: {
    command: NAMES,
    validSeconds: {
      type: "integer",
      minimum: 1,
      maximum: 86_400,
      default: VALID_SECONDS,
      description: "How long it may take until it is begun; after that it never is.",
    },
  },
  required: ["command"],
} as const;

export const COMMAND_COMPONENTS: Components = {
  IssueCommandRequest: { ...ISSUE, additionalProperties: false },
  Command: {
    type: "object",
    description: "Something asked of a machine once: it is never done twice, and not after its time.",
    properties: {
      id: ID,
      hostId: TEXT,
      command: NAMES,
      status: {
        type: "string",
        enum: STATUSES,
        description:
          "`held`: waits until an operator releases the hold of its site. `unknown`: begun, and nobody knows how it ended.",
      },
      reason: TEXT,
      actor: TEXT,
      issuedAt: TIME,
      notAfter: TIME,
      updatedAt: TIME,
    },
    required: ["id", "hostId", "command", "status", "actor", "issuedAt", "notAfter", "updatedAt"],
    additionalProperties: false,
  },
  ListCommandsResponse: {
    type: "object",
    properties: { commands: { type: "array", items: componentRef("Command") } },
    required: ["commands"],
    additionalProperties: false,
  },
};

/** What machines are asked to do once. */
export function commandRoutes(resources: Resources, commands: Commands, clock: Pick<Clock, "now">): Route[] {
  const collection = "compute/hosts/{resourceId}/commands";
  return [
    {
      method: "POST",
      path: collection,
      tag: "Commands",
      operationId: "IssueCommand",
      summary: "Ask a machine for something, once",
      body: "IssueCommandRequest",
      response: "Command",
      needs: ["power"],
      handle: async (call) => {
        const asked = hostId(call);
        const { command, validSeconds = VALID_SECONDS } = wanted(call.body);
        const { tenant, id } = await resources.find(Host, asked, call);
        const notAfter = clock.now() + seconds(validSeconds);
        return shown(await commands.issue({ ...call.asking, tenant, hostId: id, command, notAfter }));
      },
    },
    {
      method: "GET",
      path: collection,
      tag: "Commands",
      operationId: "ListCommands",
      summary: "What a machine was asked to do, newest first",
      query: { pageSize: SHORT_PAGE },
      response: "ListCommandsResponse",
      handle: async (call) => {
        const { tenant, id } = await resources.find(Host, hostId(call), call);
        const limit = Number(call.query.pageSize ?? SHORT_PAGE.default);
        const found = await resources.read(call, ({ view }) => commands.list(view, { tenant, hostId: id, limit }));
        return { commands: found.map(shown) };
      },
    },
    {
      method: "GET",
      path: `${collection}/{commandId}`,
      tag: "Commands",
      operationId: "GetCommand",
      summary: "How far a command has got",
      response: "Command",
      handle: async (call) => {
        const commandId = parameter(call, "commandId");
        checkValue(ID, commandId, "commandId");
        const { tenant, id } = await resources.find(Host, hostId(call), call);
        const found = await resources.read(call, ({ view }) => commands.get(view, tenant, commandId));
        if (found?.hostId !== id) throw new Fault("NotFound", "command not found");
        return shown(found);
      },
    },
  ];
}

function hostId(call: Call): string {
  const id = parameter(call, "resourceId");
  checkOwnId(Host, id, "resourceId");
  return id;
}

type Wanted = Pick<NewCommand, "command"> & { readonly validSeconds?: number };

function wanted(body: unknown): Wanted {
  if (body === undefined) throw refusal("command", "is needed");
  checkWanted(body);
  return body;
}

function checkWanted(body: unknown): asserts body is Wanted {
  checkValue(ISSUE as ValueSchema, body, BODY);
}

function shown({ issuedAt, notAfter, updatedAt, id, hostId: host, command, status, reason, actor }: Command): object {
  const said = reason === undefined ? {} : { reason };
  const times = { issuedAt: rfc3339(issuedAt), notAfter: rfc3339(notAfter), updatedAt: rfc3339(updatedAt) };
  return { id, hostId: host, command, status, ...said, actor, ...times };
}
