import { ResourceBody } from "@holdfast/protocol/feed";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { Compile } from "typebox/compile";

const shape = Compile(ResourceBody);

export type ReadBody = { readonly body: ResourceBody } | { readonly unreadable: string };

/**
 * The body of a feed row of a resource kind. What is of a shape, or holds a value, that this version does not know is
 * unreadable: it waits for a version that does. Fields that this version does not know do no harm.
 */
export function readBody(kind: Kind, text: string): ReadBody {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { unreadable: "not JSON" };
  }
  if (!shape.Check(body)) return { unreadable: "not the body of a resource" };
  for (const [name, field] of Object.entries(kind.fields)) {
    const known = (field.schema as { enum?: readonly unknown[] }).enum;
    const value = body.fields[name];
    if (known && value !== undefined && value !== null && !known.includes(value)) {
      return { unreadable: `${name}: this version does not know ${JSON.stringify(value).slice(0, 80)}` };
    }
  }
  return { body };
}
