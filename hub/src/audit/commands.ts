import { createWriteStream } from "node:fs";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import { type AuditHead, holdsHead, type Store, verifyLog } from "@holdfast/inventory";
import { type AuditQuery, auditPage } from "@holdfast/inventory/audit/query";
import { Fault } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { type Command, databaseCommand } from "../command.ts";
import { AdminConfig } from "../config.ts";
import { pathFault } from "../disaster/files.ts";
import { readHighWater } from "../disaster/high-water.ts";
import { AUDIT_FILTERS, filtersOf } from "./filters.ts";
import { judgeNoted } from "./noted-head.ts";

const { home } = AdminConfig.properties;

const VerifyConfig = Type.Object({
  home,
  head: Type.Optional(
    Type.String({
      pattern: "^[0-9]{1,15}:[0-9a-f]{64}$",
      expects: "a number and a hash, as `audit verify` prints them",
      description: "a head that you noted earlier: the log must still hold it",
      placeholder: "SEQ:HASH",
    }),
  ),
});

const project = Type.Optional(
  Type.String({ minLength: 1, description: "of this project alone", placeholder: "PROJECT" }),
);

const ListConfig = Type.Object({
  home,
  project,
  ...AUDIT_FILTERS,
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 50, description: "how many entries, the newest" }),
});

const ExportConfig = Type.Object({
  file: Type.String({ minLength: 1, description: "where the entries shall be", placeholder: "FILE" }),
  home,
  project,
  ...AUDIT_FILTERS,
});

const VERIFY_HELP = `Recomputes every hash from the first entry on. An end that was cut off leaves a log that is whole in itself: it is found by the
note that the hub keeps beside its database, or by a head that you noted elsewhere (--head). Keep the head that this prints, and
the heads in your exports, where nobody who can write to the hub's disk can write.`;

/** The audit log, for whoever has the hub's machine. */
export const AUDIT_COMMANDS: Readonly<Record<string, Command>> = {
  "audit verify": databaseCommand(
    {
      purpose: "Proves that nothing in the audit log was changed or removed.",
      schema: VerifyConfig,
      more: VERIFY_HELP,
    },
    verify,
  ),
  "audit list": databaseCommand(
    { purpose: "Prints entries of the audit log as JSON lines, the newest first.", schema: ListConfig },
    async (config, { store }) => {
      const lines: string[] = [];
      for await (const line of linesOf(store, config, "newest")) {
        lines.push(line);
        if (lines.length === config.limit) break;
      }
      return lines.join("\n");
    },
  ),
  "audit export": databaseCommand(
    {
      ...{ purpose: "Writes the audit log into a file as JSON lines, the oldest first.", schema: ExportConfig },
      operands: ["file"],
    },
    exportTo,
  ),
};

async function verify({ home: of, head: given }: Static<typeof VerifyConfig>, { store }: { readonly store: Store }) {
  // Before the snapshot, which may then know more, but not less.
  const mark = readHighWater(of);
  const looked = await store.read(async (view) => {
    const verdict = await verifyLog(view);
    const held = given === undefined || (await holdsHead(view, headIn(given)));
    return { verdict, noted: await judgeNoted(view, mark), held };
  });
  const { verdict, noted, held } = looked;
  const { entries, head, broken } = verdict;
  if (broken)
    throw refusal(`entry ${broken.seq} is the first that is wrong: ${broken.why} (${entries} before it are whole)`);
  if (noted.is === "lost") {
    throw refusal(
      `it ends at ${shown(head)}, and is known to have held ${shown(noted.head)}: its end was cut off or replaced`,
    );
  }
  if (!held) throw refusal(`--head: it does not hold ${given}: its end was cut off, or it is another log`);
  const beside =
    noted.is === "held" ? "It holds what is noted beside it." : "Nothing is noted beside it of this life of the hub.";
  return [`${entries} entries, all whole. ${beside}`, `head ${shown(head)}`].join("\n");
}

function refusal(why: string): Fault {
  return new Fault("FailedPrecondition", `the audit log is not what it was: ${why}`);
}

function shown(head: AuditHead | undefined): string {
  return head === undefined ? "nothing" : `${head.seq}:${head.hash}`;
}

function headIn(given: string): AuditHead {
  const [seq, hash = ""] = given.split(":");
  return { seq: Number(seq), hash };
}

type Wanted = Parameters<typeof filtersOf>[0] & { readonly project?: string };

async function* linesOf(store: Store, wanted: Wanted, order: AuditQuery["order"]): AsyncGenerator<string> {
  const tenant = await tenantOf(store, wanted.project);
  const query = { ...filtersOf(wanted), ...(tenant === undefined ? {} : { tenant }), order, limit: 1_000 };
  let after: number | undefined;
  do {
    const from = after === undefined ? {} : { after };
    const page = await store.read((view) => auditPage(view, { ...query, ...from }));
    for (const entry of page.entries) yield JSON.stringify(entry);
    after = page.next;
  } while (after !== undefined);
}

async function tenantOf(store: Store, project: string | undefined): Promise<string | undefined> {
  if (project === undefined) return undefined;
  const tenant = await store.read((view) => view.tenant(project));
  if (!tenant) throw new Fault("NotFound", `--project: no project is called ${project}`);
  return tenant.id;
}

async function exportTo(config: Static<typeof ExportConfig>, { store }: { readonly store: Store }): Promise<string> {
  const file = resolve(config.file);
  let many = 0;
  try {
    const writer = Writable.toWeb(createWriteStream(file, { flags: "wx", mode: 0o600 })).getWriter();
    for await (const line of linesOf(store, config, "oldest")) {
      await writer.write(Buffer.from(`${line}\n`));
      many += 1;
    }
    await writer.close();
  } catch (cause) {
    throw pathFault(file, "writing", cause);
  }
  return `${many} entries in ${file}`;
}
