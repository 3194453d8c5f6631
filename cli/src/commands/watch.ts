import { stringify } from "yaml";
import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { kindCalled, placeOf } from "../kind-names.ts";
import { cell } from "../output/cell.ts";
import { columnsOf } from "../output/columns.ts";
import { type Format, formatCalled, OUTPUT_OPTION } from "../output/format.ts";
import { growingTable } from "../output/table.ts";
import { follow, type Happening } from "../watch/follow.ts";

export const watch = command({
  purpose: "shows what there is of a kind, and goes on with what happens to it",
  operands: "KIND",
  options: {
    ...OUTPUT_OPTION,
    filter: { short: "f", value: "FILTER", says: "only what meets it, as with get" },
    match: { value: "FIELD:VALUE", says: "the field is exactly this value" },
    ...CONNECTION_OPTIONS,
  },
  more: "JSON has a line for each event, YAML a document.",
  async run([word, ...rest], given, { api, out, note, clock, signal }) {
    const kind = kindCalled(word);
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const show = shownAs(formatCalled(given.output), columnsOf(kind));
    const query = { filter: given.filter, match: given.match };
    const interrupted = (why: string) => note(`goes on after: ${why}`);
    const { path } = placeOf(kind);
    for await (const each of follow({ api, path, query, clock, signal, interrupted })) out(show(each));
  },
});

function shownAs(format: Format, columns: ReturnType<typeof columnsOf>): (happening: Happening) => string {
  switch (format) {
    case "table": {
      const row = growingTable(["EVENT", ...Object.keys(columns)]);
      return ({ event, resource }) => row([cell(event), ...Object.values(columns).map((column) => column(resource))]);
    }
    case "json":
      return (happening) => `${JSON.stringify(happening)}\n`;
    case "yaml":
      return (happening) => `---\n${stringify(happening, { aliasDuplicateObjects: false, lineWidth: 0 })}`;
  }
}
