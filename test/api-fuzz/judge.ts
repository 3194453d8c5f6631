import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { default as formats } from "ajv-formats";
import type { ApiDocument, Operation, Schema } from "./document.ts";
import type { Answered } from "./sending.ts";

/** Says what of an answer is not as the document has it; undefined when all is. */
export type Judge = (operation: Operation, answer: Answered) => string | undefined;

/** By component: what is shown empty against the document, because EIM's own CLI needs it so (docs/eim-compatibility.md). */
const SHOWN_EMPTY: Readonly<Record<string, string>> = { OSUpdatePolicy: "targetOsId" };

/** The document's components, with room for what is knowingly shown otherwise. */
function componentsOf({ components }: ApiDocument): ApiDocument["components"] {
  const schemas = Object.entries(components.schemas).map(([name, schema]): [string, Schema] => {
    const field = SHOWN_EMPTY[name];
    const said = field === undefined ? undefined : schema.properties?.[field];
    if (field === undefined || !said) return [name, schema];
    return [name, { ...schema, properties: { ...schema.properties, [field]: { anyOf: [said, { const: "" }] } } }];
  });
  return { ...components, schemas: Object.fromEntries(schemas) };
}

/** Judges answers by a document: no 5xx, no undeclared status, no body that its schema does not allow. */
export function judgeBy(document: ApiDocument): Judge {
  // Some of EIM's patterns are none in Unicode mode.
  const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false, unicodeRegExp: false });
  formats.default(ajv);
  const components = componentsOf(document);
  const compiled = new Map<Schema, ValidateFunction>();

  function validatorOf(schema: Schema): ValidateFunction {
    let validate = compiled.get(schema);
    if (!validate) {
      // What it refers to is found from its own root.
      validate = ajv.compile({ ...schema, components });
      compiled.set(schema, validate);
    }
    return validate;
  }

  return ({ responses }, { status, type, requestId, text }) => {
    if (status >= 500) return `answers ${status}`;
    const declared = responses[String(status)];
    if (!declared) return `answers ${status}, which is not declared`;
    if (requestId === null) return "answers without x-request-id";
    const media = type.split(";")[0] ?? "";
    if (declared.content && !Object.hasOwn(declared.content, media))
      return `answers ${status} with ${media || "no type"}`;
    const schema = declared.content?.[media]?.schema;
    if (text === undefined || schema === undefined || media !== "application/json") return undefined;
    const body = parsed(text);
    if (body === undefined) return `answers ${status} with what is not JSON`;
    const validate = validatorOf(schema);
    if (validate(body.value)) return undefined;
    const [{ instancePath = "", message = "" } = {}] = validate.errors ?? [];
    return `answers ${status} with a body that is not as declared: ${instancePath || "it"} ${message}`;
  };
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
