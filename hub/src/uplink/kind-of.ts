import { type Kind, kindNamed } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";

/** The kind that an entry names. Throws InvalidArgument when there is none of that name. */
export function kindOf(name: string): Kind {
  const kind = kindNamed(name);
  if (!kind) throw new Fault("InvalidArgument", `unknown kind: ${JSON.stringify(name.slice(0, 64))}`);
  return kind;
}
