import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { kindCalled, namesOf, placeOf, SERVED } from "../kind-names.ts";
import { columnsOf } from "../output/columns.ts";
import { formatCalled, formatted, OUTPUT_OPTION } from "../output/format.ts";
import { table } from "../output/table.ts";

const DEFAULT_LIMIT = 100;

export const get = command({
  purpose: "lists resources of a kind, or shows one",
  operands: "KIND [ID]",
  options: {
    ...OUTPUT_OPTION,
    filter: { short: "f", value: "FILTER", says: `such as 'hostStatus="error" AND site.name="oslo"'` },
    match: { value: "FIELD:VALUE", says: "the field is exactly this value" },
    "order-by": { value: "FIELDS", says: "such as 'name desc' [resourceId]" },
    limit: { value: "N", says: `at most so many [${DEFAULT_LIMIT}]` },
    all: { short: "a", says: "every one" },
    ...CONNECTION_OPTIONS,
  },
  more: `Kinds: ${SERVED.map((kind) => namesOf(kind).plural).join(", ")}.`,
  async run([word, id, ...rest], given, { api, out, note }) {
    const kind = kindCalled(word);
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const format = formatCalled(given.output);
    const place = placeOf(kind);
    const columns = columnsOf(kind);
    if (id !== undefined) {
      const resource = await api.get(`${place.path}/${encodeURIComponent(id)}`);
      return out(formatted(format, resource, () => table(columns, [resource])));
    }
    const limit = given.all ? Number.POSITIVE_INFINITY : limitOf(given.limit);
    const query = { filter: given.filter, match: given.match, orderBy: given["order-by"] };
    const { resources, total } = await api.list(place, query, limit);
    out(formatted(format, resources, () => table(columns, resources)));
    if (resources.length < total) note(`${resources.length} of ${total}; --all shows every one`);
  },
});

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = Number(text);
  if (/^[0-9]{1,9}$/.test(text) && limit > 0) return limit;
  throw new UsageError(`--limit: "${text}" is no number from 1 on`);
}
