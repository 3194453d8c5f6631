/** As much of an OpenAPI document, or of facts about one, as the comparison reads. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  /** Facts hold them here, documents among their components. */
  readonly schemas?: Schemas;
  readonly components?: { readonly schemas?: Schemas };
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly body?: Schema;
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Schema & Content>>;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

type Schemas = Readonly<Record<string, Schema>>;

interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Schemas;
  readonly required?: readonly string[];
  readonly readOnly?: boolean;
}

const LIMITS = ["pattern", "maxLength", "minLength", "maximum", "minimum", "maxItems"] as const;

/** What a document lacks of a contract's facts, or says otherwise, a line each; more than the contract is welcome. */
export function differences(contract: Document, document: Document): string[] {
  const found: string[] = [];
  const comparison = new Comparison(contract, document, found);
  for (const [path, operations] of Object.entries(contract.paths)) {
    for (const [method, wanted] of Object.entries(operations)) {
      const place = `${method.toUpperCase()} ${path}`;
      const had = operationAt(document, path, method);
      if (had) comparison.operation(place, wanted, had);
      else found.push(`${place}: missing`);
    }
  }
  return found;
}

/** The operation at a path, whatever its parameters are called. */
function operationAt(document: Document, path: string, method: string): Operation | undefined {
  const shape = path.replace(/\{\w+\}/g, "{}");
  const [, operations] =
    Object.entries(document.paths).find(([each]) => each.replace(/\{\w+\}/g, "{}") === shape) ?? [];
  return operations?.[method];
}

class Comparison {
  readonly #contract: Schemas;
  readonly #document: Schemas;
  readonly #found: string[];

  constructor(contract: Document, document: Document, found: string[]) {
    this.#contract = contract.schemas ?? {};
    this.#document = document.components?.schemas ?? {};
    this.#found = found;
  }

  operation(place: string, wanted: Operation, had: Operation): void {
    for (const parameter of wanted.parameters ?? []) {
      if (parameter.in === "path") continue;
      const other = had.parameters?.find((each) => each.name === parameter.name && each.in === parameter.in);
      this.#schema(`${place} ?${parameter.name}`, parameter.schema, other?.schema, []);
    }
    if (wanted.body) this.#schema(`${place} body`, wanted.body, schemaOf(had.requestBody), []);
    for (const [status, schema] of Object.entries(wanted.responses)) {
      this.#schema(`${place} ${status}`, schema, schemaOf(had.responses[status]), []);
    }
  }

  #schema(place: string, wanted: Schema, had: Schema | undefined, within: readonly string[]): void {
    if (!had) {
      this.#found.push(`${place}: missing`);
      return;
    }
    if (wanted.$ref && within.includes(wanted.$ref)) return;
    const inside = wanted.$ref ? [...within, wanted.$ref] : within;
    const [want, have] = [resolved(this.#contract, wanted), resolved(this.#document, had)];
    this.#facts(place, want, have);
    if (want.items) this.#schema(`${place}[]`, want.items, have.items, inside);
    for (const [name, property] of Object.entries(want.properties ?? {})) {
      this.#schema(`${place}.${name}`, property, have.properties?.[name], inside);
    }
  }

  #facts(place: string, want: Schema, have: Schema): void {
    const differ = (what: string) => this.#found.push(`${place}: ${what}`);
    if (want.type !== have.type) differ(`type is ${have.type}, not ${want.type}`);
    for (const limit of LIMITS) {
      const [wanted, had] = [factOf(want, limit), factOf(have, limit)];
      if (wanted !== undefined && wanted !== had) differ(`${limit} is ${String(had)}, not ${String(wanted)}`);
    }
    if (want.readOnly && !have.readOnly) differ("readOnly is lost");
    const lost = (want.enum ?? []).filter((value) => !have.enum?.includes(value));
    if (lost.length > 0) differ(`enum lacks ${lost.join(", ")}`);
  }
}

function factOf(schema: Schema, name: (typeof LIMITS)[number]): unknown {
  return (schema as Readonly<Record<string, unknown>>)[name];
}

function schemaOf(holder: Content | undefined): Schema | undefined {
  return Object.values(holder?.content ?? {})[0]?.schema;
}

/** A schema with what it refers to; "or null" adds nothing to it. */
function resolved(schemas: Schemas, schema: Schema): Schema {
  const { $ref, anyOf, ...own } = schema;
  const solid = anyOf?.filter(({ type }) => type !== "null") ?? [];
  const [only] = solid;
  if (solid.length === 1 && only) return { ...resolved(schemas, only), ...own };
  const target = $ref === undefined ? undefined : schemas[$ref.slice($ref.lastIndexOf("/") + 1)];
  return target ? { ...resolved(schemas, target), ...own } : schema;
}
