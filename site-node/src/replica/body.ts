import { ResourceBody } from "@holdfast/protocol/feed";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { Compile } from "typebox/compile";

const shape = Compile(ResourceBody);

interface Listed {
  readonly name: string;
  readonly known: ReadonlySet<unknown>;
}

/** By kind, the fields whose values are listed: a slice has a hundred thousand bodies of a few kinds. */
const listed = new Map<Kind, readonly Listed[]>();

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
  for (const { name, known } of listedOf(kind)) {
    const value = body.fields[name];
    if (value !== undefined && value !== null && !known.has(value)) {
      return { unreadable: `${name}: this version does not know ${JSON.stringify(value).slice(0, 80)}` };
    }
  }
  return { body };
}

function listedOf(kind: Kind): readonly Listed[] {
  const found = listed.get(kind);
  if (found) return found;
  const fields = Object.entries(kind.fields).flatMap(([name, { schema }]) => {
    const values = (schema as { enum?: readonly unknown[] }).enum;
    return values ? [{ name, known: new Set(values) }] : [];
  });
  listed.set(kind, fields);
  return fields;
}
