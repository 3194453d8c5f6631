import { Readable } from "node:stream";
import { agentContentPath, agentReleasePath } from "@holdfast/protocol/manifest/releases";
import { type Log, messageOf } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { contentOf, type Releases } from "./releases.ts";

/** How many contents are given away at once: the rest is told to come back, which agents do. */
const DOWNLOADS_MOST = 8;
const COME_BACK_AFTER_SECONDS = 30;

/**
 * `GET /v1/releases/agent/{architecture}`, and the content below it. Without authentication: a release is no secret, and who
 * fetches it believes the signature and not the site.
 */
export function releaseRoutes(app: FastifyInstance, { releases, log }: { releases: Releases; log: Log }): void {
  const options = { config: { auth: "own" as const }, schema: { hide: true } as object, exposeHeadRoute: false };
  let downloads = 0;
  for (const architecture of ["x86_64", "aarch64"] as const) {
    app.get(agentReleasePath(architecture), options, async (_request, reply) => {
      const release = await releases.newest(architecture);
      if (!release) return reply.code(404).send({ code: "NotFound", message: "no release for this architecture" });
      return reply.header("cache-control", "no-cache").send(release.offer);
    });
    app.get<{ Params: { sha256: string } }>(
      agentContentPath(architecture, ":sha256"),
      options,
      async ({ params }, reply) => {
        const release = await releases.newest(architecture);
        if (release?.manifest.sha256 !== params.sha256) {
          return reply.code(404).send({ code: "NotFound", message: "this is not the newest release" });
        }
        if (downloads >= DOWNLOADS_MOST) {
          reply.header("retry-after", COME_BACK_AFTER_SECONDS);
          return reply.code(503).send({ code: "Unavailable", message: "too many downloads, come back" });
        }
        downloads += 1;
        const content = Readable.from(contentOf(release), { objectMode: false });
        content.on("error", (error) => log.error({ error: messageOf(error) }, "a release was not given away whole"));
        content.on("close", () => {
          downloads -= 1;
        });
        reply.header("content-length", release.manifest.size);
        return reply.type("application/octet-stream").send(content);
      },
    );
  }
}
