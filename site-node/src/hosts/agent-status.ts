import { type Handshake, PROTOCOL_VERSION, shakeHands } from "@holdfast/protocol/handshake";
import { MalformedMessage } from "@holdfast/protocol/messages";
import type { AgentStatus, AgentUpdate } from "@holdfast/protocol/topics";
import { Type } from "typebox";
import { Compile } from "typebox/compile";

/** What this site-node can do with agents beyond the protocol's core. */
export const AGENT_CAPABILITIES: readonly string[] = [];

const shape = Compile(
  Type.Object({
    state: Type.Union([Type.Literal("online"), Type.Literal("offline"), Type.Literal("lost")]),
    session: Type.String({ minLength: 1, maxLength: 128 }),
    protocol: Type.Optional(Type.Integer()),
    capabilities: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
    update: Type.Optional(Type.Unknown()),
  }),
);

const updateShape = Compile(
  Type.Object({
    state: Type.Union([
      Type.Literal("trying"),
      Type.Literal("proven"),
      Type.Literal("rolled-back"),
      Type.Literal("refused"),
    ]),
    release: Type.Optional(Type.String({ maxLength: 200 })),
    reason: Type.Optional(Type.String({ maxLength: 1_000 })),
  }),
);

export type SaidStatus = Pick<AgentStatus, "state" | "session"> &
  Partial<Pick<AgentStatus, "protocol" | "capabilities">> & { readonly update?: unknown };

/** What a host says of its agent. Throws MalformedMessage. */
export function readStatus(payload: Buffer): SaidStatus {
  let status: unknown;
  try {
    status = JSON.parse(payload.toString("utf8"));
  } catch (cause) {
    throw new MalformedMessage("status: not JSON", { cause });
  }
  if (shape.Check(status)) return status;
  const [first] = shape.Errors(status);
  throw new MalformedMessage(`status: ${first?.instancePath.slice(1) || "state or session"} is missing or unknown`);
}

/** How an agent's update of itself stands; nothing follows from what this version does not know (rule 23). */
export function readUpdate({ update }: Pick<SaidStatus, "update">): AgentUpdate | undefined {
  if (!updateShape.Check(update)) return undefined;
  const { state, release, reason } = update;
  return { state, ...(release !== undefined && { release }), ...(reason !== undefined && { reason }) };
}

/** What this site and an agent can speak together, or why they cannot; an agent that names no version is of none. */
export function judgeAgent(
  { protocol = 0, capabilities = [] }: Pick<SaidStatus, "protocol" | "capabilities">,
  version = PROTOCOL_VERSION,
): Handshake {
  const ours = { version, capabilities: AGENT_CAPABILITIES };
  return shakeHands(ours, { version: protocol, capabilities }, "agent");
}
