import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { kindCalled, placeOf } from "../kind-names.ts";
import { description } from "../output/description.ts";
import { formatCalled, formatted, OUTPUT_OPTION } from "../output/format.ts";

export const describe = command({
  purpose: "shows all that is known of one resource",
  operands: "KIND ID",
  options: { ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run([word, id, ...rest], given, { api, out }) {
    const { path } = placeOf(kindCalled(word));
    if (id === undefined) throw new UsageError("an id is needed");
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const format = formatCalled(given.output);
    const resource = await api.get(`${path}/${encodeURIComponent(id)}`);
    out(formatted(format, resource, () => description(resource)));
  },
});
