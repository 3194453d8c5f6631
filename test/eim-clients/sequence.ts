import { readFileSync } from "node:fs";

/** A request as a client makes it, and what it needs of the answer. */
export interface Exchange {
  readonly method: string;
  /** Path and query as they go on the wire; `{name}` stands for what an earlier answer said. */
  readonly target: string;
  readonly contentType: string | undefined;
  readonly body: string | undefined;
  readonly status: number;
  /** One line each: see the README. */
  readonly expected: readonly string[];
}

/** Something that happens beside the client meanwhile, by its name. */
export interface Happening {
  readonly happens: string;
}

export interface Sequence {
  /** The command, and what it achieves. */
  readonly title: string;
  readonly steps: readonly (Exchange | Happening)[];
}

/** The sequences of one file, in their order. Throws for a line that means nothing. */
export function readSequences(name: string): readonly Sequence[] {
  const text = readFileSync(new URL(`sequences/${name}.txt`, import.meta.url), "utf8");
  const sequences: Sequence[] = [];
  for (const block of text.split(/\n(?=[^\s#><!])/)) {
    const lines = block.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
    const [title, ...rest] = lines;
    if (title !== undefined) sequences.push({ title, steps: readSteps(rest, `${name}.txt: ${title}`) });
  }
  return sequences;
}

function readSteps(lines: readonly string[], where: string): Sequence["steps"] {
  const steps: (Exchange | Happening)[] = [];
  let sent: string[] = [];
  let expected: string[] = [];
  for (const line of lines) {
    const status = /^< (\d{3})$/.exec(line)?.[1];
    if (line.startsWith("> ")) sent.push(line.slice(2));
    else if (status !== undefined && sent.length > 0) {
      expected = [];
      steps.push(readExchange(sent, Number(status), expected));
      sent = [];
    } else if (line.startsWith("! ")) steps.push({ happens: line.slice(2) });
    else if (line.startsWith("  ") && sent.length === 0) expected.push(line.trim());
    else throw new Error(`${where}: ${line}`);
  }
  if (sent.length > 0) throw new Error(`${where}: a request without an answer`);
  return steps;
}

function readExchange(sent: readonly string[], status: number, expected: readonly string[]): Exchange {
  const [request = "", contentType, body] = sent;
  const [method = "", target = ""] = request.split(" ");
  return { method, target, contentType: contentType?.replace("Content-Type: ", ""), body, status, expected };
}
