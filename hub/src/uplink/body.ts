import { createGunzip } from "node:zlib";
import { Contact, MAX_BATCH_BYTES, UplinkBatch } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";

/**
 * How bodies are read: as text of at most 1 MiB, also when they come compressed. What they hold is looked at by whoever
 * takes them: reading the backlogs of a thousand sites that cannot be taken yet would cost as much as taking some.
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "string", bodyLimit: MAX_BATCH_BYTES },
    async (_: unknown, body: string | Buffer) => body.toString(),
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

// Compiled: to look for errors one by one in a sound batch of some hundred entries takes as long as to apply a dozen of them.
const batchShape = Compile(UplinkBatch);
const contactShape = Compile(Contact);

/** What is nested deeper overflows the stack of whoever hashes or stores it; no site can have sealed that. */
const DEEPEST = 1_000;

/**
 * A batch out of its text. What single entries hold is not looked at here: one with a text that no operator could send is set
 * aside, and must not take its batch with it. The stream is nothing beside its epoch and incarnation, for what is written down
 * goes by it. Throws InvalidArgument naming the part that is wrong.
 */
export function batchFrom(text: unknown): UplinkBatch {
  const batch = checked(batchShape, text, "batch");
  const { epoch, incarnation } = batch.stream;
  return { ...batch, stream: { epoch, incarnation } };
}

/** What a site says when it has nothing else to say. Throws InvalidArgument naming the part that is wrong. */
export function contactFrom(text: unknown): Contact {
  return checked(contactShape, text, "contact");
}

interface Shape<T> {
  Check(value: unknown): value is T;
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

function checked<T>(shape: Shape<T>, text: unknown, what: string): T {
  const body = parsed(text, what);
  if (isDeeper(body, DEEPEST)) throw new Fault("InvalidArgument", `${what}: is nested deeper than ${DEEPEST}`);
  if (shape.Check(body)) return body;
  const [error] = shape.Errors(body);
  throw new Fault("InvalidArgument", `${what}: ${error?.instancePath || "/"} ${error?.message}`);
}

function parsed(text: unknown, what: string): unknown {
  try {
    return JSON.parse(String(text)) as unknown;
  } catch (cause) {
    throw new Fault("InvalidArgument", `the ${what} is not JSON`, { cause });
  }
}

/** Whether a JSON value is nested deeper than so many levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
