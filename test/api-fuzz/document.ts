import type { Schema } from "../parsers/schema-values.ts";

export type { Schema } from "../parsers/schema-values.ts";

interface Content {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

/** An OpenAPI 3.1 document, as far as it is read here. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses?: Readonly<Record<string, Content>>;
  };
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** One operation of a document. */
export interface Operation {
  readonly id: string;
  /** In capitals. */
  readonly method: string;
  /** With its parameters as `{resourceId}`. */
  readonly path: string;
  readonly query: Readonly<Record<string, Schema>>;
  readonly headers: Readonly<Record<string, Schema>>;
  /** Of each parameter of the path: what ids there begin with, if that can be told. */
  readonly prefixes: Readonly<Record<string, string | undefined>>;
  readonly body: Schema | undefined;
  /** Media types of the body; JSON when there is one that nobody names. */
  readonly bodyType: string;
  readonly responses: Readonly<Record<string, Content>>;
}

/** All operations of a document. */
export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => readOperation(document, path, method, operation)),
  );
}

function readOperation(
  document: ApiDocument,
  path: string,
  method: string,
  { operationId: id, parameters = [], requestBody, responses }: DocumentedOperation,
): Operation {
  const within = (where: string) =>
    Object.fromEntries(parameters.filter((each) => each.in === where).map(({ name, schema = {} }) => [name, schema]));
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const prefixes = Object.fromEntries(names.map((name) => [name, prefixAt(document, path, name)]));
  const [[bodyType = "application/json", content] = []] = Object.entries(requestBody?.content ?? {});
  const body = content && (content.schema ?? {});
  const sent = { query: within("query"), headers: within("header"), prefixes, body, bodyType };
  const answers = Object.entries(responses).map(([status, response]) => [status, wholeResponse(document, response)]);
  return { id, method: method.toUpperCase(), path, ...sent, responses: Object.fromEntries(answers) };
}

function wholeResponse({ components }: ApiDocument, response: Content): Content {
  if (response.$ref === undefined) return response;
  const found = components.responses?.[response.$ref.slice("#/components/responses/".length)];
  if (!found) throw new TypeError(`the document has no ${response.$ref}`);
  return found;
}

/** What ids begin with: as the resource says that stands at this part of the path, or else as the parameter is called. */
function prefixAt(document: ApiDocument, path: string, name: string): string | undefined {
  const upTo = path.slice(0, path.indexOf(`{${name}}`) + name.length + 2);
  const schema = document.paths[upTo]?.get?.responses["200"]?.content?.["application/json"]?.schema;
  const resource = schema && resolved(document, schema);
  return idPrefix(resource?.properties?.resourceId) ?? /^(\w+)Id$/.exec(name)?.[1];
}

/** What the ids begin with that a schema allows; undefined when it is none of ids. */
export function idPrefix(schema: Schema | undefined): string | undefined {
  return /\^([a-z]+)-\[0-9a-f\]\{(?:8|16)\}/.exec(schema?.pattern ?? "")?.[1];
}

/** What a schema says, through its reference. */
export function resolved(document: ApiDocument, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = document.components.schemas[schema.$ref.slice("#/components/schemas/".length)];
  if (!found) throw new TypeError(`the document has no ${schema.$ref}`);
  return found;
}
