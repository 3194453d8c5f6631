import protobuf from "protobufjs/light.js";
import { descriptor, type Messages } from "./gen/agent.ts";

export type * from "./gen/agent.ts";

const namespace = protobuf.Root.fromJSON(descriptor as unknown as protobuf.INamespace).lookup("holdfast.agent.v1");
if (!(namespace instanceof protobuf.Namespace)) throw new Error("protocol/src/gen/agent.ts holds no messages");
const messages: protobuf.Namespace = namespace;

/** Bytes that are not the message they should be. The message names the type and, where one is known, the field. */
export class MalformedMessage extends Error {
  readonly code = "MalformedMessage";
}

/** What a decoder accepts, whatever a schema would allow. Units: bytes for the whole, characters and entries inside. */
export interface MessageLimits {
  readonly bytes: number;
  readonly stringLength: number;
  readonly entries: number;
}

export const MESSAGE_LIMITS: MessageLimits = { bytes: 256 * 1024, stringLength: 16_384, entries: 4_096 };

/** The protobuf encoding of a message. Absent fields stay absent. */
export function encode<Name extends keyof Messages>(name: Name, message: Messages[Name]): Uint8Array {
  const type = messages.lookupType(name);
  return type.encode(type.fromObject(message as Record<string, unknown>)).finish();
}

/**
 * The message in these bytes; enums as their names, 64-bit numbers as numbers. Unknown fields are left out, and a value of an
 * enum that this version does not know is its first, which says nothing: what else the message holds is as true as before.
 * Throws MalformedMessage when the bytes are no such message or exceed the limits.
 */
export function decode<Name extends keyof Messages>(
  name: Name,
  bytes: Uint8Array,
  limits: MessageLimits = MESSAGE_LIMITS,
): Messages[Name] {
  if (bytes.length > limits.bytes) {
    throw new MalformedMessage(`${name}: ${bytes.length} bytes, at most ${limits.bytes} are accepted`);
  }
  let decoded: Record<string, unknown>;
  try {
    const type = messages.lookupType(name);
    decoded = type.toObject(type.decode(bytes), { enums: String, longs: Number, arrays: true, objects: true });
    fillPlainDefaults(decoded, type);
  } catch (cause) {
    throw new MalformedMessage(`${name}: not a valid message: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  checkBounds(decoded, name, limits);
  return decoded as unknown as Messages[Name];
}

/** proto3 leaves a plain scalar out when it is zero; a field marked optional stays absent, for absent means unknown. */
function fillPlainDefaults(decoded: Record<string, unknown>, type: protobuf.Type): void {
  for (const field of type.fieldsArray) {
    const value = decoded[field.name];
    if (field.resolvedType instanceof protobuf.Type) {
      const inner = field.repeated ? (value as unknown[]) : value === undefined ? [] : [value];
      for (const message of inner) fillPlainDefaults(message as Record<string, unknown>, field.resolvedType);
    } else if (value === undefined && !field.options?.proto3_optional) {
      decoded[field.name] = plainDefault(field);
    } else if (field.resolvedType instanceof protobuf.Enum && value !== undefined) {
      decoded[field.name] = Array.isArray(value) ? value.map(knownName(field)) : knownName(field)(value);
    }
  }
}

/** A number is what is left of an enum's value that has no name here. */
function knownName(field: protobuf.Field): (value: unknown) => unknown {
  return (value) => (typeof value === "number" ? plainDefault(field) : value);
}

function plainDefault(field: protobuf.Field): unknown {
  if (field.resolvedType instanceof protobuf.Enum) return field.resolvedType.valuesById[0];
  if (field.type === "bytes") return new Uint8Array();
  // Of a 64-bit number it is an object of protobufjs's.
  return field.typeDefault !== null && typeof field.typeDefault === "object"
    ? Number(field.typeDefault)
    : field.typeDefault;
}

function checkBounds(value: unknown, path: string, limits: MessageLimits): void {
  if (typeof value === "string" && value.length > limits.stringLength) {
    throw new MalformedMessage(`${path}: ${value.length} characters, at most ${limits.stringLength} are accepted`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new MalformedMessage(`${path}: not a finite number`);
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value)) {
    throw new MalformedMessage(`${path}: ${value} is beyond 2^53 - 1`);
  }
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return;
  const entries = Object.entries(value);
  if (entries.length > limits.entries) {
    throw new MalformedMessage(`${path}: ${entries.length} entries, at most ${limits.entries} are accepted`);
  }
  for (const [key, inner] of entries) {
    checkBounds(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, limits);
  }
}
