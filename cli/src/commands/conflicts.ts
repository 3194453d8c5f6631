import type { Shown } from "../api.ts";
import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { cell } from "../output/cell.ts";
import type { Columns } from "../output/columns.ts";
import { formatCalled, formatted, OUTPUT_OPTION } from "../output/format.ts";
import { table } from "../output/table.ts";

const LIMIT = 100;

const valuesOf = ({ values }: Shown) => (Array.isArray(values) ? (values as readonly Shown[]) : []);
const wanted = ({ value }: Shown) => (typeof value === "string" ? cell(value) : cell(JSON.stringify(value)));

const CONFLICTS: Columns = {
  ID: ({ id }) => cell(id),
  RESOURCE: ({ resourceId }) => cell(resourceId),
  FIELD: ({ field }) => cell(field ?? "(whether it exists)"),
  SINCE: ({ openedAt }) => cell(openedAt),
  WANTED: (conflict) => valuesOf(conflict).map(wanted).join(" | "),
};

const VALUES: Columns = {
  WRITE: ({ write }) => cell(write),
  VALUE: wanted,
  BY: ({ by }) => cell(by),
  ACTOR: ({ actor }) => cell(actor),
  AT: ({ at }) => cell(at),
  STANDS: ({ standing }) => (standing ? "yes" : ""),
  REASON: ({ reason }) => cell(reason),
};

export const conflicts = command({
  purpose: "lists what hub and sites want differently of one field, and decides it",
  operands: "[list [RESOURCE] | show CONFLICT | resolve CONFLICT WRITE]",
  options: { ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  more: "WRITE is that of the value that shall stand, as `show` tells it.",
  async run([what = "list", id, choose, ...rest], given, { api, out, note }) {
    const format = formatCalled(given.output);
    const extra = what === "resolve" ? rest[0] : choose;
    if (extra !== undefined) throw new UsageError(`"${extra}" is one too many`);
    const path = () => {
      if (id === undefined) throw new UsageError("the id of a conflict is needed");
      return `conflicts/${encodeURIComponent(id)}`;
    };
    switch (what) {
      case "list": {
        const place = { path: "conflicts", key: "conflicts" };
        const { resources, total } = await api.list(place, { resourceId: id }, LIMIT);
        out(formatted(format, resources, () => table(CONFLICTS, resources)));
        if (resources.length < total) note(`${resources.length} of ${total}`);
        return;
      }
      case "show": {
        const conflict = await api.get(path());
        return out(formatted(format, conflict, () => table(VALUES, valuesOf(conflict))));
      }
      case "resolve": {
        if (choose === undefined) throw new UsageError("the write of the value that shall stand is needed");
        await api.send("POST", `${path()}/resolve`, { choose });
        return note(`${String(id)} is decided`);
      }
      default:
        throw new UsageError(`"${what}" is none of list, show and resolve`);
    }
  },
});
