import type { Kind } from "@holdfast/protocol";
import { snakeCase } from "../../snake-case.ts";
import { isWritable } from "../resource-shape.ts";
import { BODY, objectAt, refusal } from "./check-value.ts";
import { readBody } from "./read-body.ts";

/**
 * The part of a patch that its field mask names, in camel or in snake case; a named field that the body leaves out is to
 * be unset. The generation that the body was made of counts, named or not. Throws InvalidArgument naming what the kind
 * does not let operators write, and a field of the body that is none.
 */
export function masked(kind: Kind, body: unknown, fieldMask: string): Readonly<Record<string, unknown>> {
  const given = objectAt(body ?? {}, BODY);
  const { generation } = readBody(kind, given).claims;
  const chosen: Record<string, unknown> = { generation };
  for (const path of fieldMask.split(",").map((each) => each.trim())) {
    const name = writableNamed(kind, path);
    if (name === undefined) throw refusal("fieldMask", `"${path}" is no field that can be written`);
    chosen[name] = Object.hasOwn(given, name) ? given[name] : null;
  }
  return chosen;
}

function writableNamed(kind: Kind, path: string): string | undefined {
  const found = Object.entries(kind.fields).find(
    ([name, field]) => isWritable(name, field) && (name === path || snakeCase(name) === path),
  );
  return found?.[0];
}
