import { type Static, Type } from "typebox";
import { MANIFEST_MOST, type Manifest } from "./manifest.ts";

/** `GET` at a site-node: the newest release of the agent for an architecture, 404 when it has none. */
export const agentReleasePath = (architecture: Manifest["architecture"]): string =>
  `/v1/releases/agent/${architecture}`;

/** `GET` at a site-node: the content of that release, named by its SHA-256. */
export const agentContentPath = (architecture: Manifest["architecture"], sha256: string): string =>
  `${agentReleasePath(architecture)}/${sha256}`;

/** Both as the texts of the files that the publisher signed; who reads it verifies them anew. */
export const ReleaseOffer = Type.Object({
  manifest: Type.String({ maxLength: MANIFEST_MOST }),
  signature: Type.String({ maxLength: 16_384 }),
});
export type ReleaseOffer = Static<typeof ReleaseOffer>;
