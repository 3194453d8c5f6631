import { FieldFault } from "@holdfast/inventory";
import type { Static, TObject } from "typebox";
import { Value } from "typebox/value";

/** What is wrong, where the words of the library say it badly. */
const WHY: Readonly<Record<string, string>> = {
  required: "is needed",
  additionalProperties: "is not known here",
  boolean: "is not known here",
};

/**
 * What an operator sent, as this shape and with its defaults; nothing sent is an empty body. Throws InvalidArgument naming the
 * property that is wrong.
 */
export function checkedBody<S extends TObject>(schema: S, sent: unknown): Static<S> {
  const body: unknown = Value.Default(schema, structuredClone(sent ?? {}));
  const [error] = Value.Errors(schema, body);
  if (!error) return body as Static<S>;
  const params = error.params as {
    readonly requiredProperties?: readonly string[];
    readonly additionalProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
  };
  // As `roles[0]`, and as every other refusal writes it.
  const place = error.instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".");
  const why = params.allowedValues ? `must be one of ${params.allowedValues.join(", ")}` : WHY[error.keyword];
  const name = place || params.requiredProperties?.[0] || params.additionalProperties?.[0] || "body";
  throw new FieldFault("InvalidArgument", [name], `${name}: ${why ?? error.message}`);
}
