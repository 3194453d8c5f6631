import { requireNode24, systemClock } from "@holdfast/runtime";
import { askSecret } from "./ask-secret.ts";
import { runCli } from "./cli.ts";

requireNode24();
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
// A reader such as `head` that has enough is no error.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  clock: systemClock,
  signal: stop.signal,
  out: (text) => void process.stdout.write(text),
  note: (line) => console.error(line),
  askSecret: (prompt) => askSecret(prompt, { input: process.stdin, output: process.stderr, signal: stop.signal }),
});
