import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

const Digest = Type.String({ pattern: "^[0-9a-f]{64}$" });

/** What a manifest may be about. Each is installed by other code, so one never passes for another. */
export const ManifestKind = Type.Union([Type.Literal("os-image"), Type.Literal("installer"), Type.Literal("agent")]);
export type ManifestKind = Static<typeof ManifestKind>;

/**
 * What a publisher says of a file that machines run, and signs: JSON, in a file of its own beside the content. `sequence` orders
 * the manifests of one name, kind and architecture; `version` is a name for people.
 */
export const Manifest = Type.Object(
  {
    schema: Type.Literal(1),
    kind: ManifestKind,
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9.-]{0,63}$" }),
    version: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,63}$" }),
    sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    architecture: Type.Union([Type.Literal("x86_64"), Type.Literal("aarch64")]),
    bootMode: Type.Optional(
      Type.Union([Type.Literal("bios"), Type.Literal("uefi"), Type.Literal("either")], {
        description: "how a machine must start to run it; of what is started by no firmware there is none",
      }),
    ),
    size: Type.Integer({ minimum: 1, maximum: 2 ** 40, description: "bytes of the content" }),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$", description: "of the whole content" }),
    chunkSize: Type.Integer({ minimum: 65_536, maximum: 67_108_864, description: "bytes of each chunk but the last" }),
    chunks: Type.Array(Digest, { minItems: 1, maxItems: 16_384, description: "SHA-256 of each chunk, in order" }),
  },
  { additionalProperties: false },
);
export type Manifest = Readonly<Static<typeof Manifest>>;

/** No manifest is longer. Bytes. */
export const MANIFEST_MOST = 2 * 1024 * 1024;

/** Bytes that are no manifest. The message says which field is wrong, and never repeats what is in it. */
export class MalformedManifest extends Error {
  readonly code = "MalformedManifest";
}

/** The manifest in these bytes. Believe it only after its signature was verified. Throws MalformedManifest. */
export function readManifest(content: Uint8Array): Manifest {
  if (content.length > MANIFEST_MOST) throw new MalformedManifest(`a manifest of more than ${MANIFEST_MOST} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (cause) {
    throw new MalformedManifest("a manifest that is not JSON", { cause });
  }
  if (!Value.Check(Manifest, parsed)) {
    const [first] = Value.Errors(Manifest, parsed);
    throw new MalformedManifest(`a manifest whose ${first?.instancePath.slice(1) || "shape"} is missing or wrong`);
  }
  const fault = faultIn(parsed);
  if (fault !== undefined) throw new MalformedManifest(fault);
  return parsed;
}

/** The text to sign. Throws MalformedManifest when it would be none. */
export function manifestText(manifest: Manifest): string {
  const text = `${JSON.stringify(manifest, undefined, 1)}\n`;
  readManifest(new TextEncoder().encode(text));
  return text;
}

/** What the trusted comment of a manifest's signature says, word for word: a person who verifies one by hand is shown it. */
export function trustedCommentOf({ kind, name, architecture, version, sequence, sha256 }: Manifest): string {
  return `${kind}:${name} architecture:${architecture} version:${version} sequence:${sequence} sha256:${sha256}`;
}

/** What has one order of sequences: manifests of another line say nothing about this one. */
export function lineOf({ kind, name, architecture }: Pick<Manifest, "kind" | "name" | "architecture">): string {
  return `${kind}/${name}/${architecture}`;
}

function faultIn({ kind, bootMode, size, chunkSize, chunks, sha256 }: Manifest): string | undefined {
  const needed = Math.ceil(size / chunkSize);
  if (chunks.length !== needed) return `a manifest with ${chunks.length} chunks where its size makes ${needed}`;
  if (chunks.length === 1 && chunks[0] !== sha256) return "a manifest whose only chunk is not its content";
  if ((kind === "agent") !== (bootMode === undefined)) {
    return kind === "agent" ? "a manifest of an agent with a bootMode" : "a manifest without a bootMode";
  }
  return undefined;
}
