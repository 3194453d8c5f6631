import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { measureContent } from "@holdfast/protocol/manifest/content";
import { type Manifest, manifestText, trustedCommentOf } from "@holdfast/protocol/manifest/manifest";
import { readPublicKey, readSecretKey } from "@holdfast/runtime/minisign/format";
import { signMinisign } from "@holdfast/runtime/minisign/minisign";

const fixture = new URL("../../../runtime/fixtures/minisign/", import.meta.url);
const SECRET = readSecretKey(readFileSync(new URL("key.secret", fixture), "utf8"));

/** The file of the key by which releases are signed here. */
export const KEY_FILE = new URL("key.pub", fixture).pathname;
export const KEYS = [readPublicKey(readFileSync(KEY_FILE, "utf8"))];
export const OTHER_KEYS = [readPublicKey(readFileSync(new URL("other.pub", fixture), "utf8"))];

export interface SignedRelease {
  readonly content: Buffer;
  readonly manifest: Manifest;
  readonly text: string;
  readonly signature: string;
}

/** A release that is signed as it should be, of several chunks and a part. */
export async function signedRelease(sequence: number, change: Partial<Manifest> = {}): Promise<SignedRelease> {
  const content = Buffer.alloc(150_000, sequence);
  const about = { schema: 1, kind: "agent", name: "holdfast-agent", architecture: "x86_64" } as const;
  const measured = await measureContent(
    (async function* () {
      yield content;
    })(),
    65_536,
  );
  const manifest: Manifest = { ...about, version: `1.${sequence}`, sequence, ...measured, ...change };
  const text = manifestText(manifest);
  const signature = signMinisign(Buffer.from(text), SECRET, { trusted: trustedCommentOf(manifest) });
  return { content, manifest, text, signature };
}

/** A site that offers a release; what it offers can be exchanged at any time. */
export async function releaseServer() {
  const site: { offered: SignedRelease | undefined; downloads: number; cutAt: number } = {
    ...{ offered: undefined, downloads: 0, cutAt: Number.POSITIVE_INFINITY },
  };
  const server = createServer((request, response) => {
    const { offered } = site;
    const { pathname } = new URL(request.url ?? "/", "http://site");
    if (offered && pathname === "/v1/releases/agent/x86_64") {
      return response.end(JSON.stringify({ manifest: offered.text, signature: offered.signature }));
    }
    if (offered && pathname === `/v1/releases/agent/x86_64/${offered.manifest.sha256}`) {
      site.downloads += 1;
      if (site.cutAt >= offered.content.length) return response.end(offered.content);
      response.setHeader("content-length", offered.content.length);
      response.write(offered.content.subarray(0, site.cutAt), () => response.destroy());
      return;
    }
    response.statusCode = 404;
    return response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    site,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
