import { createReadStream, type Stats } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "@holdfast/inventory";
import { admit, type Known } from "@holdfast/protocol/manifest/admit";
import { chunkRange, isChunk, measureContent } from "@holdfast/protocol/manifest/content";
import { lineOf, MANIFEST_MOST, type Manifest } from "@holdfast/protocol/manifest/manifest";
import type { ReleaseOffer } from "@holdfast/protocol/manifest/releases";
import { type Clock, Fault, type Log, messageOf, seconds } from "@holdfast/runtime";
import type { PublicKey } from "@holdfast/runtime/minisign/format";
import { verifyMinisign } from "@holdfast/runtime/minisign/minisign";
import { readAdmitted, writeAdmitted } from "./admitted.ts";

export interface ReleasesOptions {
  readonly store: Store;
  /** Files made by `npm run manifest`: each content with its manifest and its signature beside it. */
  readonly directory: string;
  readonly keys: readonly PublicKey[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Release {
  readonly manifest: Manifest;
  readonly offer: ReleaseOffer;
  readonly path: string;
}

const MANIFEST_ENDING = ".manifest.json";
const MANIFESTS_MOST = 64;
const LOOKED_AGAIN_AFTER = seconds(30);

/**
 * The agents' releases in a directory: of each architecture the newest that is signed, whole, and not older than what this site
 * has admitted before. Content is checked when it is found, and chunk by chunk when it is given away.
 */
export class Releases {
  readonly #options: ReleasesOptions;
  /** SHA-256 of contents, by what makes another file of them. */
  readonly #measured = new Map<string, string>();
  readonly #told = new Map<string, string>();
  #newest: ReadonlyMap<string, Release> = new Map();
  #lookedAt: number | undefined;
  /** When the directory got or lost a name, as it was when it was looked at. */
  #changedAt: number | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /** The newest release of the agent for an architecture; the directory is looked at again when it has changed, or after a while. */
  async newest(architecture: string): Promise<Release | undefined> {
    const now = this.#options.clock.monotonic();
    const isOld = this.#lookedAt === undefined || now - this.#lookedAt >= LOOKED_AGAIN_AFTER;
    if (isOld || (await changedAt(this.#options.directory)) !== this.#changedAt) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    return this.#newest.get(architecture);
  }

  async #look(): Promise<void> {
    const { directory, clock, log } = this.#options;
    const found: Release[] = [];
    const changed = await changedAt(directory);
    try {
      const names = (await readdir(directory)).filter((name) => name.endsWith(MANIFEST_ENDING)).toSorted();
      for (const name of names.slice(0, MANIFESTS_MOST)) {
        const release = await this.#read(name);
        if (release) found.push(release);
      }
    } catch (error) {
      log.error({ directory, error: messageOf(error) }, "the releases cannot be looked at");
      return;
    }
    this.#newest = await this.#admitted(found);
    this.#lookedAt = clock.monotonic();
    this.#changedAt = changed;
  }

  /** A manifest and what belongs to it; undefined, and told once, when it is not to be believed. */
  async #read(name: string): Promise<Release | undefined> {
    const path = join(this.#options.directory, name);
    try {
      const manifest = await readCapped(path);
      const signature = (await readCapped(`${path}.minisig`)).toString();
      const judged = admit({ manifest, signature }, { verify: this.#verify, known: () => undefined });
      if (judged.is === "refused") return this.#tell(name, judged.reason);
      if (judged.manifest.kind !== "agent")
        return this.#tell(name, `it is of ${judged.manifest.kind}, not of an agent`);
      const content = path.slice(0, -MANIFEST_ENDING.length);
      if ((await this.#sha256(content, judged.manifest)) !== judged.manifest.sha256) {
        return this.#tell(name, "the content is not what the manifest says");
      }
      return { manifest: judged.manifest, offer: { manifest: manifest.toString(), signature }, path: content };
    } catch (error) {
      return this.#tell(name, messageOf(error));
    }
  }

  readonly #verify = (claim: { readonly content: Uint8Array; readonly signature: string }) =>
    verifyMinisign(claim, this.#options.keys);

  async #admitted(found: readonly Release[]): Promise<ReadonlyMap<string, Release>> {
    const { store, log } = this.#options;
    const newest = new Map<string, Release>();
    const known = new Map(await store.read(readAdmitted));
    // The newest first: what stands beside it is kept for going back to, and is no attempt to.
    for (const release of found.toSorted((a, b) => b.manifest.sequence - a.manifest.sequence)) {
      const { architecture } = release.manifest;
      if (newest.has(architecture)) continue;
      const line = lineOf(release.manifest);
      const offered = { manifest: Buffer.from(release.offer.manifest), signature: release.offer.signature };
      const judged = admit(offered, { verify: this.#verify, known: (of) => known.get(of) });
      if (judged.is === "refused") {
        this.#tell(release.path, judged.reason);
        continue;
      }
      const before: Known | undefined = known.get(line);
      if (before?.manifestHash !== judged.known.manifestHash) {
        await store.write((transaction) => writeAdmitted(transaction, line, judged.known));
        known.set(line, judged.known);
        log.info({ line, version: judged.known.version, sequence: judged.known.sequence }, "a release was admitted");
      }
      newest.set(architecture, release);
    }
    return newest;
  }

  async #sha256(path: string, { chunkSize, size }: Manifest): Promise<string | undefined> {
    const stats = await stat(path);
    if (stats.size !== size) return undefined;
    const key = nameOf(path, stats);
    const known = this.#measured.get(key);
    if (known !== undefined) return known;
    const { sha256 } = await measureContent(createReadStream(path), chunkSize);
    if (this.#measured.size >= MANIFESTS_MOST) this.#measured.clear();
    this.#measured.set(key, sha256);
    return sha256;
  }

  #tell(name: string, reason: string): undefined {
    if (this.#told.get(name) === reason) return;
    if (this.#told.size >= MANIFESTS_MOST) this.#told.clear();
    this.#told.set(name, reason);
    this.#options.log.error({ release: name, reason }, "a release is not offered to agents");
  }
}

/** The content in chunks, each checked before it is given away. Throws FailedPrecondition at the first that is not as it was signed. */
export async function* contentOf({ path, manifest }: Release): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    for (const index of manifest.chunks.keys()) {
      const { start, end } = chunkRange(manifest, index);
      const bytes = Buffer.allocUnsafe(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead !== bytes.length || !isChunk(manifest, index, bytes)) {
        throw new Fault("FailedPrecondition", `chunk ${index} of ${path} is not what was signed`);
      }
      yield bytes;
    }
  } finally {
    await file.close();
  }
}

function nameOf(path: string, { ino, size, mtimeMs, ctimeMs }: Stats): string {
  return JSON.stringify([path, ino, size, mtimeMs, ctimeMs]);
}

async function changedAt(directory: string): Promise<number | undefined> {
  return stat(directory).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function readCapped(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > MANIFEST_MOST) throw new Fault("InvalidArgument", `${path} has ${size} bytes, at most ${MANIFEST_MOST}`);
  return readFile(path);
}
