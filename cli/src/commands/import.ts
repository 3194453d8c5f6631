import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "@holdfast/runtime";
import { type Context, command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { Refusal, UsageError } from "../faults.ts";
import { COLUMNS, type Complaint, type Row, readHosts, sentence, writeHosts } from "../import/hosts-file.ts";
import { makeHost } from "../import/make-host.ts";
import { type Plan, preflight } from "../import/preflight.ts";

export const importHosts = command({
  purpose: "registers the machines of a CSV file, with what is to be installed on them",
  operands: "hosts FILE.csv",
  options: { "dry-run": { short: "d", says: "check all rows and make nothing" }, ...CONNECTION_OPTIONS },
  more: `The first line is
${COLUMNS.join(",")}
All rows are checked before anything is made. Rows that fail are written beside FILE.csv, with the reason in the last column:
mend that file and import it. A file can be imported again: what is there already stays, and gets what it lacks.`,
  async run([what, file, ...rest], given, context) {
    if (what !== "hosts") throw new UsageError("what is imported is hosts: import hosts FILE.csv");
    if (file === undefined) throw new UsageError("a CSV file is needed");
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const rows = rowsOf(file);
    const { plans, complaints } = await preflight(context.api, rows);
    for (const [{ line }, wrong] of complaints) context.note(`line ${line}: ${sentence(wrong)}`);
    if (complaints.size > 0) {
      // Nothing has been made: what is to be mended is the whole file.
      const written = writeBeside(
        file,
        "preflight_error",
        context,
        writeHosts(rows, (row) => complaints.get(row) ?? []),
      );
      throw new Error(
        `${complaints.size} of ${rows.length} rows cannot be imported, and nothing was made: see ${written}`,
      );
    }
    if (given["dry-run"]) return context.note(`${counted(rows.length)} can be imported; nothing was made`);
    const failures = await makeAll(plans, context);
    if (failures.size === 0)
      return context.note(`${counted(rows.length)} ${rows.length === 1 ? "is" : "are"} imported`);
    const written = writeBeside(
      file,
      "import_error",
      context,
      writeHosts([...failures.keys()], (row) => failures.get(row) ?? []),
    );
    throw new Error(`${failures.size} of ${rows.length} rows failed: see ${written}`);
  },
});

/** Makes one row after the other. Prints the id of each host, and returns what went wrong. */
async function makeAll(plans: readonly Plan[], { api, out, note }: Context): Promise<Map<Row, readonly Complaint[]>> {
  const failures = new Map<Row, readonly Complaint[]>();
  let over: string | undefined;
  for (const plan of plans) {
    const { row, serial, uuid } = plan;
    if (over !== undefined) {
      failures.set(row, [{ says: `not tried after: ${over}` }]);
      continue;
    }
    try {
      out(`${await makeHost(api, plan)}\t${serial || uuid}\n`);
    } catch (error) {
      const says = messageOf(error);
      failures.set(row, [{ says }]);
      note(`line ${row.line}: ${says}`);
      if (!isAboutRow(error)) over = says;
    }
  }
  return failures;
}

/** Whether the next row may do better: not when nobody answers, nor when whoever asks may not. */
function isAboutRow(error: unknown): boolean {
  return error instanceof Refusal && error.status >= 400 && error.status < 500 && ![401, 403].includes(error.status);
}

function rowsOf(file: string): Row[] {
  let rows: Row[];
  try {
    rows = readHosts(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new UsageError(`${file}: ${messageOf(cause)}`, { cause });
  }
  if (rows.length === 0) throw new UsageError(`${file}: has no rows`);
  return rows;
}

function writeBeside(file: string, name: string, { clock }: Pick<Context, "clock">, content: string): string {
  const time = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const path = join(dirname(file), `${name}_${time}_${basename(file)}`);
  writeFileSync(path, content);
  return path;
}

function counted(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}
