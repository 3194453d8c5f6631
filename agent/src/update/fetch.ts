import { existsSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isChunk } from "@holdfast/protocol/manifest/content";
import { MANIFEST_MOST, type Manifest } from "@holdfast/protocol/manifest/manifest";
import { agentContentPath, agentReleasePath, ReleaseOffer } from "@holdfast/protocol/manifest/releases";
import { Fault } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import type { PublicKey } from "@holdfast/runtime/minisign/format";
import { Value } from "typebox/value";
import { privateDirectory } from "../durable-file.ts";
import { download, get } from "../http.ts";
import { admitAgent } from "./lay-down.ts";
import { mayTry, type Update } from "./machine.ts";
import type { Fetched } from "./places.ts";

export interface FetchOptions {
  readonly siteUrl: string;
  readonly architecture: Manifest["architecture"];
  readonly keys: readonly PublicKey[];
  readonly fetched: Fetched;
  /** How far the updates have got; undefined before the first. */
  readonly update: Pick<Update, "known" | "failures"> | undefined;
  readonly signal: AbortSignal;
}

/** `nothing`: the site has none, or none that is wanted. `fetched`: it waits for who may take it up. */
export type FetchOutcome =
  | { readonly is: "nothing" }
  | { readonly is: "fetched"; readonly manifest: Manifest }
  | { readonly is: "refused"; readonly reason: string };

/** Asks the site for a newer release, and fetches it where there is one; rejects when the site is away or breaks off. */
export async function fetchRelease(options: FetchOptions): Promise<FetchOutcome> {
  const { siteUrl, architecture, keys, fetched, update, signal } = options;
  const { status, body } = await get(new URL(agentReleasePath(architecture), siteUrl), signal, MANIFEST_MOST * 2);
  if (status === 404) return { is: "nothing" };
  if (status !== 200) throw new Fault("Unavailable", `${agentReleasePath(architecture)}: ${status}`);
  const offer = parse(body);
  if (!Value.Check(ReleaseOffer, offer)) return { is: "refused", reason: "the answer is no offer of a release" };
  const known = update?.known;
  const admission = admitAgent(
    { manifest: Buffer.from(offer.manifest), signature: offer.signature },
    { keys, known, architecture },
  );
  if (admission.is === "refused") return { is: "refused", reason: admission.reason };
  const { manifest, manifestHash } = admission;
  const hasFailed = update?.failures.some((failure) => failure.manifestHash === manifestHash) ?? false;
  if (known?.manifestHash === manifestHash && !hasFailed) return { is: "nothing" };
  if (update && !mayTry(update, manifestHash)) return { is: "nothing" };
  if (waits(fetched, offer.manifest)) return { is: "nothing" };

  rmSync(fetched.ready, { force: true });
  privateDirectory(fetched.directory);
  const path = agentContentPath(architecture, manifest.sha256);
  await keep(await download(new URL(path, siteUrl), signal), fetched.content, manifest);
  writeDurably(fetched.manifest, offer.manifest);
  writeDurably(fetched.signature, offer.signature);
  writeDurably(fetched.ready, `${manifest.version}\n`);
  return { is: "fetched", manifest };
}

/** Writes content as it comes; a chunk that is not what was signed ends it before the next is asked for. */
async function keep(content: Readable, path: string, manifest: Manifest): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    let index = 0;
    let pieces: Buffer[] = [];
    let waiting = 0;
    const put = async (chunk: Buffer) => {
      if (!isChunk(manifest, index, chunk)) {
        throw new Fault("FailedPrecondition", `chunk ${index} of the content is not what was signed`);
      }
      await file.write(chunk);
      index += 1;
    };
    for await (const piece of content as AsyncIterable<Buffer>) {
      pieces.push(piece);
      waiting += piece.length;
      if (waiting < manifest.chunkSize) continue;
      let whole = Buffer.concat(pieces);
      for (; whole.length >= manifest.chunkSize; whole = whole.subarray(manifest.chunkSize)) {
        await put(whole.subarray(0, manifest.chunkSize));
      }
      [pieces, waiting] = [[whole], whole.length];
    }
    if (waiting > 0) await put(Buffer.concat(pieces));
    if (index !== manifest.chunks.length) throw new Fault("Unavailable", "the content was broken off");
    await file.sync();
  } finally {
    content.destroy();
    await file.close();
  }
}

/** Whether the same was fetched already, and nobody has taken it up yet. */
function waits({ ready, manifest }: Fetched, text: string): boolean {
  return existsSync(ready) && existsSync(manifest) && readFileSync(manifest, "utf8") === text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
