import { readFileSync } from "node:fs";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Contract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Record<string, Schema> }>>>>;
  readonly schemas: Readonly<Record<string, Schema>>;
}

const CONTRACT = JSON.parse(
  readFileSync(new URL("../../inventory/fixtures/eim-contract.json", import.meta.url), "utf8"),
) as Contract;

/**
 * Why the Go client that is generated from EIM's contract fails to decode a successful answer, a line each. Go takes null
 * for anything, and a key that it does not know by its exact name for the field that differs in capitals only.
 */
export function undecodable(method: string, target: string, answer: unknown): readonly string[] {
  const schema = schemaOf(method, target.split("?")[0] ?? "");
  return schema ? [...faults(schema, answer, "answer")] : [];
}

function schemaOf(method: string, path: string): Schema | undefined {
  const segments = path.split("/");
  const isSame = (template: string) => {
    const parts = template.split("/");
    return parts.length === segments.length && parts.every((part, at) => part.startsWith("{") || part === segments[at]);
  };
  const templates = Object.keys(CONTRACT.paths).filter(isSame);
  const [exact] = templates.sort((a, b) => a.split("{").length - b.split("{").length);
  return exact === undefined ? undefined : CONTRACT.paths[exact]?.[method.toLowerCase()]?.responses["200"];
}

function* faults(given: Schema, value: unknown, where: string): Generator<string> {
  if (value === null || value === undefined) return;
  const schema = given.$ref ? { ...CONTRACT.schemas[given.$ref.split("/").at(-1) ?? ""] } : given;
  if (!isOfType(schema, value)) {
    yield `${where}: ${JSON.stringify(value)} is no ${schema.format ?? schema.type}`;
    return;
  }
  if (Array.isArray(value) && schema.items) {
    for (const [at, item] of value.entries()) yield* faults(schema.items, item, `${where}[${at}]`);
  } else if (typeof value === "object" && schema.properties) {
    const byName = new Map(Object.entries(schema.properties));
    const inSmall = new Map([...byName].map(([name, each]) => [name.toLowerCase(), each]));
    for (const [name, each] of Object.entries(value)) {
      const field = byName.get(name) ?? inSmall.get(name.toLowerCase());
      if (field) yield* faults(field, each, `${where}.${name}`);
    }
  }
}

function isOfType({ type, format }: Schema, value: unknown): boolean {
  switch (type) {
    case "string":
      return typeof value === "string" && (format !== "date-time" || isRfc3339(value));
    case "integer":
      return Number.isSafeInteger(value);
    case "boolean":
      return typeof value === "boolean";
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    default:
      return true;
  }
}

function isRfc3339(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
}
