import { Host, HostRegister } from "@holdfast/protocol";
import { BODY, checkValue, refusal, type ValueSchema } from "../body/check-value.ts";
import { type Components, EMPTY } from "../openapi/components.ts";
import { checkOwnId } from "../resource-id.ts";
import type { Resources } from "../resources.ts";
import { type Call, parameter, type Route } from "./route.ts";

const NOTE = Host.fields.note.schema as ValueSchema;

/** Schemas of the answers to actions on hosts. */
export const HOST_ACTION_COMPONENTS: Components = { OnboardHostResponse: EMPTY, InvalidateHostResponse: EMPTY };

/** Registering, onboarding and deauthorising machines. */
export function hostActions(resources: Resources): Route[] {
  return [
    {
      method: "POST",
      path: "compute/hosts/register",
      tag: "Hosts",
      operationId: "RegisterHost",
      summary: "Expect a machine, known by serial number or UUID",
      query: { resourceId: { type: "string", pattern: `^${Host.prefix}-[0-9a-f]{8}$` } },
      body: "HostRegister",
      response: "HostResource",
      shows: "resource",
      handle: (call) => {
        const { resourceId } = call.query;
        return typeof resourceId === "string" ? registerAgain(resources, resourceId, call) : register(resources, call);
      },
    },
    {
      method: "PATCH",
      path: "compute/hosts/{resourceId}/register",
      tag: "Hosts",
      operationId: "RegisterUpdateHost",
      summary: "Change how a machine is expected",
      body: "HostRegister",
      response: "HostResource",
      shows: "resource",
      handle: (call) => registerAgain(resources, hostId(call), call),
    },
    {
      method: "PATCH",
      path: "compute/hosts/{resourceId}/onboard",
      tag: "Hosts",
      operationId: "OnboardHost",
      summary: "Let a registered machine be onboarded",
      response: "OnboardHostResponse",
      handle: async (call) => {
        await resources.write(Host, hostId(call), call, { desiredState: "HOST_STATE_ONBOARDED" });
        return {};
      },
    },
    {
      method: "PUT",
      path: "compute/hosts/{resourceId}/invalidate",
      tag: "Hosts",
      operationId: "InvalidateHost",
      summary: "Deauthorise a machine: it is trusted no more",
      query: { note: NOTE },
      response: "InvalidateHostResponse",
      handle: async (call) => {
        const { note } = call.query;
        const said = note === undefined ? {} : { note };
        await resources.write(Host, hostId(call), call, { desiredState: "HOST_STATE_UNTRUSTED", ...said });
        return {};
      },
    },
  ];
}

function hostId(call: Call): string {
  const id = parameter(call, "resourceId");
  checkOwnId(Host, id, "resourceId");
  return id;
}

function registration(call: Call): HostRegister {
  const given = call.body ?? {};
  checkRegistration(given);
  return given;
}

function checkRegistration(body: unknown): asserts body is HostRegister {
  checkValue(HostRegister as unknown as ValueSchema, body, BODY);
}

function register(resources: Resources, call: Call): Promise<object> {
  const body = registration(call);
  if (!body.uuid && !body.serialNumber) throw refusal("serialNumber", "it or uuid is needed");
  return resources.createOf(Host, call, {
    name: body.name ?? "",
    desiredState: body.autoOnboard ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED",
    ...(body.enableVpro ? { desiredAmtState: "AMT_STATE_PROVISIONED" } : {}),
    ...written(body),
  });
}

function registerAgain(resources: Resources, id: string, call: Call): Promise<object> {
  const body = registration(call);
  const state = body.autoOnboard ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED";
  return resources.write(Host, id, call, {
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.autoOnboard === undefined ? {} : { desiredState: state }),
    ...written(body),
  });
}

/** What each registration of a machine writes beside name and state. */
function written({ uuid, serialNumber, userLvmSize }: HostRegister): Readonly<Record<string, unknown>> {
  return {
    ...(uuid ? { uuid } : {}),
    ...(serialNumber ? { serialNumber } : {}),
    ...(userLvmSize === undefined ? {} : { userLvmSize }),
  };
}
