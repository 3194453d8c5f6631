import { createHash, hash } from "node:crypto";
import type { Manifest } from "./manifest.ts";

export type Measured = Pick<Manifest, "size" | "sha256" | "chunkSize" | "chunks">;

/** Reads content once, in pieces of any size, and tells what a manifest says of it. */
export async function measureContent(pieces: AsyncIterable<Uint8Array>, chunkSize: number): Promise<Measured> {
  const whole = createHash("sha256");
  const chunks: string[] = [];
  let [size, chunk, inChunk] = [0, createHash("sha256"), 0];
  for await (const piece of pieces) {
    whole.update(piece);
    size += piece.length;
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + chunkSize - inChunk);
      chunk.update(part);
      inChunk += part.length;
      at += part.length;
      if (inChunk < chunkSize) continue;
      chunks.push(chunk.digest("hex"));
      [chunk, inChunk] = [createHash("sha256"), 0];
    }
  }
  if (inChunk > 0) chunks.push(chunk.digest("hex"));
  return { size, sha256: whole.digest("hex"), chunkSize, chunks };
}

/** Where a chunk lies in the content; `end` is the first byte after it. */
export function chunkRange({ size, chunkSize }: Measured, index: number): { start: number; end: number } {
  const start = index * chunkSize;
  return { start, end: Math.min(start + chunkSize, size) };
}

/** Whether these bytes are that chunk, whole. */
export function isChunk(of: Measured, index: number, bytes: Uint8Array): boolean {
  const { start, end } = chunkRange(of, index);
  return bytes.length === end - start && hash("sha256", bytes) === of.chunks[index];
}
