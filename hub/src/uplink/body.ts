import { createGunzip } from "node:zlib";
import { MAX_BATCH_BYTES, UplinkBatch } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Value } from "typebox/value";

/**
 * How a batch is read: JSON of at most 1 MiB, also when it comes compressed. What single entries hold is not looked at
 * here: one with a text that no operator could send is set aside, and must not take its batch with it.
 */
export function readBatches(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "string", bodyLimit: MAX_BATCH_BYTES },
    async (_: unknown, body: string | Buffer) => {
      try {
        return JSON.parse(body.toString()) as unknown;
      } catch (cause) {
        throw new Fault("InvalidArgument", "the batch is not JSON", { cause });
      }
    },
  );
  app.addHook("preParsing", async (request, _, payload) => {
    const encoding = request.headers["content-encoding"] ?? "identity";
    if (encoding === "identity") return payload;
    if (encoding !== "gzip") throw new Fault("InvalidArgument", `content-encoding ${encoding} is not taken, gzip is`);
    // The limit counts what comes out, so a small body that inflates without end is cut off at the same place.
    const inflated = Object.assign(createGunzip(), { receivedEncodedLength: 0 });
    payload.on("data", (chunk: Buffer) => {
      inflated.receivedEncodedLength += chunk.length;
    });
    payload.on("error", (error) => inflated.destroy(error));
    // Before whoever reads: its own error would be told in the words of the library.
    inflated.on("error", (error) => Object.assign(error, { message: `the batch is not gzip: ${error.message}` }));
    return payload.pipe(inflated);
  });
}

/** What is nested deeper overflows the stack of whoever hashes or stores it; no site can have sealed that. */
const DEEPEST = 1_000;

/** Throws InvalidArgument naming the part that is wrong. */
export function checkBatch(body: unknown): UplinkBatch {
  if (isDeeper(body, DEEPEST)) throw new Fault("InvalidArgument", `batch: is nested deeper than ${DEEPEST}`);
  const [error] = Value.Errors(UplinkBatch, body);
  if (error) throw new Fault("InvalidArgument", `batch: ${error.instancePath || "/"} ${error.message}`);
  return body as UplinkBatch;
}

/** Whether a JSON value is nested deeper than so many levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
