import { createInterface } from "node:readline/promises";
import { PassThrough } from "node:stream";
import type { ReadStream } from "node:tty";

export interface Asked {
  readonly input: NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY">>;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** The first line that comes in; at a terminal after a prompt, and what is typed is not shown. Throws when nothing comes. */
export async function askSecret(prompt: string, { input, output, signal }: Asked): Promise<string> {
  const isTerminal = input.isTTY === true;
  // What is typed is echoed to a stream that nobody reads.
  const lines = createInterface({ input, output: new PassThrough().resume(), terminal: isTerminal });
  // Not before the terminal has stopped showing what is typed: somebody may be fast.
  if (isTerminal) output.write(`${prompt}: `);
  try {
    signal.addEventListener("abort", () => lines.close(), { once: true });
    lines.once("SIGINT", () => lines.close());
    for await (const line of lines) return line;
  } finally {
    lines.close();
    if (isTerminal) output.write("\n");
  }
  throw new Error(`${prompt}: nothing was given`);
}
