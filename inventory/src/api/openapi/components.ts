import {
  type Component,
  type Field,
  Host,
  HostRegister,
  isKept,
  KINDS,
  type Kind,
  OBSERVATION_GROUPS,
  Timestamps,
} from "@holdfast/protocol";
import { backReferencesOf } from "../../store/back-references.ts";
import { declaredKind, embeddingsOf, isWritable } from "../resource-shape.ts";

/** A JSON Schema as the document holds it. */
export type Schema = Readonly<Record<string, unknown>>;

export type Components = Readonly<Record<string, Schema>>;

/** Where the document holds a named schema. */
export function componentRef(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** Every named schema of the resources, from their declarations. */
export function resourceComponents(): Components {
  const found: Record<string, Schema> = { ...OURS };
  inlinedReadOnly(Timestamps as unknown as Schema, found);
  found.HostRegister = inlined(HostRegister as unknown as Schema, found);
  for (const kind of KINDS) {
    found[kind.schemaName] = resourceSchema(kind, found);
    if (isKept(kind)) found[keptName(kind)] = keptSchema(kind, found);
    if (kind.rest) {
      const listName = `List${kind.rest.plural}Response`;
      found[listName] = listSchema(kind, kind.rest.listKey);
      if (kind.rest.operations.includes("delete")) found[deletedName(kind)] = EMPTY;
    }
  }
  return found;
}

/** `DeleteHostResponse`, `DeleteOperatingSystemResponse`. */
export function deletedName(kind: Kind): string {
  return `Delete${kind.schemaName.replace(/Resource$/, "")}Response`;
}

/** What who keeps the resources of a kind says of one. */
export function keptName(kind: Kind): string {
  return `${kind.schemaName}Kept`;
}

export const EMPTY: Schema = { type: "object", additionalProperties: false };

export const TIME = { type: "string", format: "date-time" } as const;

const OURS: Components = {
  Observation: {
    type: "object",
    description: "By which site and when the observed fields were seen, and whether they are known to hold.",
    properties: {
      site: { type: "string", description: "Id of the site; empty for what no site manages." },
      at: { ...TIME, description: "When the site saw them last, by its clock; absent when it never did." },
      ageSeconds: { type: "integer", minimum: 0 },
      heardAt: { ...TIME, description: "When the site was last heard; absent when it never was." },
      stale: { type: "boolean", description: "The site is silent: nobody knows whether they still hold." },
      unknownSince: { ...TIME, description: "Since when nobody does." },
      groups: {
        type: "object",
        description: "By group of fields that are seen together.",
        properties: Object.fromEntries(OBSERVATION_GROUPS.map((group) => [group, componentRef("ObservationGroup")])),
        additionalProperties: false,
      },
      fields: {
        type: "object",
        description: "By field, for what a manager observes in the place of the site.",
        additionalProperties: componentRef("ObservationGroup"),
      },
    },
    required: ["site", "stale"],
    additionalProperties: false,
  },
  ObservationGroup: {
    type: "object",
    properties: {
      source: {
        type: "string",
        description: "`agent`: the machine itself; `site`: its site; `manager:NAME`: a manager.",
      },
      at: TIME,
      ageSeconds: { type: "integer", minimum: 0 },
    },
    required: ["source", "at", "ageSeconds"],
    additionalProperties: false,
  },
  Misplaced: {
    type: "object",
    description: "The machine has shown up at a site that does not manage it.",
    properties: { siteId: { type: "string" }, since: TIME },
    required: ["siteId", "since"],
    additionalProperties: false,
  },
  Error: {
    type: "object",
    properties: { code: { type: "string" }, message: { type: "string" } },
    required: ["code", "message"],
    additionalProperties: false,
  },
};

function listSchema(kind: Kind, listKey: string): Schema {
  return {
    type: "object",
    properties: {
      [listKey]: { type: "array", items: componentRef(kind.schemaName) },
      totalElements: { type: "integer", format: "int32" },
      hasNext: { type: "boolean" },
      nextPageToken: {
        type: "string",
        description: "Sent as `pageToken`, it gives the next page, however far, whatever comes or goes in between.",
      },
    },
    required: [listKey, "totalElements", "hasNext"],
    additionalProperties: false,
  };
}

type Found = Record<string, Schema>;

function resourceSchema(kind: Kind, found: Found): Schema {
  const id = idSchema(kind);
  const properties: Record<string, Schema> = { resourceId: id };
  for (const alias of kind.aliasIds) properties[alias] = { ...id, deprecated: true };
  for (const [name, field] of Object.entries(kind.fields)) {
    if (!field.reference?.hidden) properties[name] = fieldSchema(name, field, found);
  }
  for (const [name, , { kind: target, many }] of embeddingsOf(kind)) {
    properties[name] = many ? listOf(declaredKind(target)) : oneOrNull(declaredKind(target));
  }
  for (const { name, from, many } of backReferencesOf(kind)) {
    properties[name] = many ? listOf(declaredKind(from)) : oneOrNull(declaredKind(from));
  }
  for (const [name, schema] of Object.entries(kind.derived)) {
    properties[name] = readOnly(inlined(schema as Schema, found));
  }
  Object.assign(properties, bookkeepingSchemas(kind));
  const required = Object.entries(kind.fields).flatMap(([name, field]) => (field.required ? [name] : []));
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}), additionalProperties: false };
}

function keptSchema(kind: Kind, found: Found): Schema {
  const plain = Object.entries(kind.fields).filter(([, { reference }]) => !reference);
  const named = {
    type: ["object", "null"],
    properties: { resourceId: { type: "string" } },
    description: "By its resourceId; what else is in it is passed over.",
  };
  const embedded = embeddingsOf(kind).map(([name]) => [name, named] as const);
  const required = embeddingsOf(kind).flatMap(([name, field]) => (kind.fields[field]?.required ? [name] : []));
  const properties = Object.fromEntries(plain.map(([name, { schema }]) => [name, inlined(schema as Schema, found)]));
  const description = `What a change leaves out stays; to make one, ${required.join(", ")} is needed.`;
  return { type: "object", description, properties: { ...properties, ...Object.fromEntries(embedded) } };
}

function idSchema({ prefix }: Kind): Schema {
  return { type: "string", maxLength: prefix.length + 9, pattern: `^${prefix}-[0-9a-f]{8}$`, readOnly: true };
}

function fieldSchema(name: string, field: Field, found: Found): Schema {
  if (field.component) {
    const { schemaName } = field.component;
    found[schemaName] ??= partSchema(field.component, found);
    return { type: "array", items: componentRef(schemaName), readOnly: true };
  }
  const schema = inlined(field.schema as Schema, found);
  if (field.secret) return { ...schema, writeOnly: true };
  if (!isWritable(name, field)) return readOnly(schema);
  // The documented limits of these lists are those of their members.
  if (field.reference?.many) return { ...schema, ...limitsOf(schema.items as Schema) };
  return schema;
}

function limitsOf({ maxLength, pattern }: Schema): Schema {
  return { maxLength, pattern };
}

function partSchema({ fields }: Component, found: Found): Schema {
  const properties: Record<string, Schema> = {};
  for (const [name, schema] of Object.entries(fields)) properties[name] = inlinedReadOnly(schema as Schema, found);
  properties.timestamps = orNull("Timestamps");
  return { type: "object", properties, additionalProperties: false };
}

function bookkeepingSchemas(kind: Kind): Record<string, Schema> {
  const count = { type: "integer", minimum: 0, readOnly: true };
  const ours =
    kind.feed === "machine"
      ? {
          observedGeneration: { ...count, description: "How far the managing site has got with the generation." },
          observation: readOnly(componentRef("Observation")),
          ...(kind.name === Host.name ? { misplaced: readOnly(componentRef("Misplaced")) } : {}),
        }
      : {};
  const openConflicts = { ...count, minimum: 1, description: "Conflicts about it that wait for an operator, if any." };
  const generation = {
    ...count,
    description:
      "Counts the changes of what operators want. Sent back with a change, it refuses that with 409 (Aborted) when somebody else has changed the resource since; left out, the last writer wins.",
  };
  return { timestamps: readOnly(componentRef("Timestamps")), generation, ...ours, openConflicts };
}

function readOnly(schema: Schema): Schema {
  return { ...schema, readOnly: true };
}

function oneOrNull(kind: Kind): Schema {
  return orNull(kind.schemaName);
}

function orNull(name: string): Schema {
  return { anyOf: [componentRef(name), { type: "null" }], readOnly: true };
}

function listOf(kind: Kind): Schema {
  return { type: "array", items: componentRef(kind.schemaName), readOnly: true };
}

/** A schema with those that have a title put among the components, and a reference in their place. */
function inlined(
  schema: Schema,
  found: Found,
  properties: (inner: Schema) => Schema = (inner) => inlined(inner, found),
): Schema {
  const { title, ...rest } = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
  const plain: Record<string, unknown> = rest;
  if (plain.items) plain.items = properties(plain.items as Schema);
  if (plain.properties) {
    const inner = Object.entries(plain.properties as Record<string, Schema>);
    plain.properties = Object.fromEntries(inner.map(([name, each]) => [name, properties(each)]));
    plain.additionalProperties = false;
  }
  if (typeof title !== "string" || title === "HostRegister") return plain;
  found[title] ??= plain;
  return componentRef(title);
}

/** The same of what nobody may write, down to every property. */
function inlinedReadOnly(schema: Schema, found: Found): Schema {
  return readOnly(inlined(schema, found, (inner) => inlinedReadOnly(inner, found)));
}
