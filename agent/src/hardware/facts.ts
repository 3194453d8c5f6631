import { Type } from "typebox";
import { Value } from "typebox/value";

const Address = Type.Object({ address: Type.String({ maxLength: 64 }), dynamic: Type.Optional(Type.Boolean()) });
const Neighbour = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 256 })),
  mac: Type.Optional(Type.String({ maxLength: 32 })),
  port: Type.Optional(Type.String({ maxLength: 256 })),
});
const Facts = Type.Object({
  architecture: Type.Optional(Type.String({ maxLength: 64 })),
  addresses: Type.Record(Type.String(), Type.Array(Address, { maxItems: 256 })),
  neighbours: Type.Record(Type.String(), Neighbour),
});

/** What no file of a machine tells and only its kernel answers: by interface, its addresses and the switch port it is plugged into. */
export interface Facts {
  readonly architecture?: string;
  readonly addresses: Readonly<Record<string, readonly { address: string; dynamic?: boolean }[]>>;
  readonly neighbours: Readonly<Record<string, { name?: string; mac?: string; port?: string }>>;
}

/** A tree that nobody asked: everything unknown. */
export const NO_FACTS: Facts = { addresses: {}, neighbours: {} };

const Manifest = Type.Object({
  format: Type.Literal(1),
  facts: Facts,
  unreadable: Type.Record(Type.String(), Type.String({ maxLength: 256 })),
});

/** What a capture holds beside the files: the facts, and what could not be read at the time, by path. */
export interface Manifest {
  readonly format: 1;
  readonly facts: Facts;
  readonly unreadable: Readonly<Record<string, string>>;
}

/** Where a captured tree has its manifest, in its root. */
export const MANIFEST = "/holdfast-capture.json";

/** The manifest in this text. Throws when it is none: a capture that was damaged must not read as a machine without hardware. */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${MANIFEST.slice(1)} is not JSON`, { cause });
  }
  if (Value.Check(Manifest, value)) return value;
  const [first] = Value.Errors(Manifest, value);
  throw new Error(`${MANIFEST.slice(1)}${first === undefined ? "" : ` ${first.instancePath}: ${first.message}`}`);
}
