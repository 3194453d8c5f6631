import { chmodSync, closeSync, constants, fstatSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Admission, admit } from "@holdfast/protocol/manifest/admit";
import { chunkRange, isChunk } from "@holdfast/protocol/manifest/content";
import { MANIFEST_MOST, type Manifest } from "@holdfast/protocol/manifest/manifest";
import { Fault } from "@holdfast/runtime";
import { makeDurable, renameDurably } from "@holdfast/runtime/durable-file";
import type { PublicKey } from "@holdfast/runtime/minisign/format";
import { verifyMinisign } from "@holdfast/runtime/minisign/minisign";
import type { Update } from "./machine.ts";
import { EXECUTABLE, type Fetched, type Programs } from "./places.ts";

export interface LaidDown {
  readonly release: string;
  readonly admission: Extract<Admission, { is: "admitted" }>;
}

export interface LayDownOptions {
  readonly fetched: Fetched;
  readonly programs: Pick<Programs, "releases">;
  readonly keys: readonly PublicKey[];
  readonly known: Update["known"];
  readonly architecture: Manifest["architecture"];
}

/**
 * Decides about what the agent has fetched, as root and by root's own keys, and copies it into a release's directory. The copy is
 * checked while it is made, for what the agent has may change meanwhile. Throws FailedPrecondition with the reason.
 */
export function layDown({ fetched, programs, keys, known, architecture }: LayDownOptions): LaidDown {
  const manifest = readCapped(fetched.manifest, MANIFEST_MOST);
  const signature = readCapped(fetched.signature, 16_384).toString();
  const admission = admitAgent({ manifest, signature }, { keys, known, architecture });
  if (admission.is === "refused") throw new Fault("FailedPrecondition", admission.reason);
  const { version, sequence } = admission.manifest;
  const release = `${version}-${sequence}`;
  const directory = join(programs.releases, release);
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const target = join(directory, EXECUTABLE);
  try {
    copyChecked(fetched.content, `${target}.new`, admission.manifest);
  } catch (error) {
    rmSync(`${target}.new`, { force: true });
    throw error;
  }
  renameDurably(`${target}.new`, target);
  makeDurable(programs.releases);
  return { release, admission };
}

/** Whether a manifest is one of a newer agent for this machine. */
export function admitAgent(
  offered: { readonly manifest: Uint8Array; readonly signature: string },
  { keys, known, architecture }: Pick<LayDownOptions, "keys" | "known" | "architecture">,
): Admission {
  const verify = (claim: Parameters<typeof verifyMinisign>[0]) => verifyMinisign(claim, keys);
  const admission = admit(offered, { verify, known: () => known });
  if (admission.is === "refused") return admission;
  const { kind, architecture: made } = admission.manifest;
  if (kind !== "agent") return { is: "refused", why: "malformed", reason: `it is of ${kind}, not of an agent` };
  if (made === architecture) return admission;
  return { is: "refused", why: "malformed", reason: `it is for ${made}, and this machine is ${architecture}` };
}

function copyChecked(from: string, to: string, manifest: Manifest): void {
  const source = openPlain(from);
  try {
    if (fstatSync(source).size !== manifest.size) throw new Fault("FailedPrecondition", "the content is not whole");
    const target = openSync(to, "w", 0o600);
    try {
      for (const index of manifest.chunks.keys()) {
        const { start, end } = chunkRange(manifest, index);
        const bytes = Buffer.alloc(end - start);
        const read = readSync(source, bytes, 0, bytes.length, start);
        if (!isChunk(manifest, index, bytes.subarray(0, read))) {
          throw new Fault("FailedPrecondition", `chunk ${index} of the content is not what was signed`);
        }
        for (let at = 0; at < bytes.length; ) at += writeSync(target, bytes, at);
      }
    } finally {
      closeSync(target);
    }
    chmodSync(to, 0o755);
    makeDurable(to);
  } finally {
    closeSync(source);
  }
}

function readCapped(path: string, most: number): Buffer {
  const file = openPlain(path);
  try {
    const { size } = fstatSync(file);
    if (size > most) throw new Fault("FailedPrecondition", `${path} has ${size} bytes, at most ${most}`);
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(file, bytes, 0, size, 0));
  } finally {
    closeSync(file);
  }
}

/** Of a directory that somebody else writes: no link is followed, and nothing waited for that is no plain file. */
function openPlain(path: string): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new Fault("FailedPrecondition", `opening ${path}`, { cause });
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new Fault("FailedPrecondition", `${path} is no plain file`);
}
