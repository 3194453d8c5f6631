import type { Shown } from "../api.ts";
import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { cell } from "../output/cell.ts";
import type { Columns } from "../output/columns.ts";
import { formatCalled, formatted, OUTPUT_OPTION } from "../output/format.ts";
import { table } from "../output/table.ts";

const CERTIFICATES: Columns = {
  CERTIFICATE: ({ is }) => cell(is),
  FROM: ({ notBefore }) => cell(notBefore),
  UNTIL: ({ notAfter }) => cell(notAfter),
  "MADE BY": ({ by }) => cell(by),
  NAMES: ({ names }) => cell(names),
  "SHA-256": ({ fingerprint }) => cell(fingerprint),
};

export const trust = command({
  purpose: "tells by which root the hub is known, and until when what it shows is good",
  operands: "status",
  options: { ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run([what, ...rest], given, { api, out }) {
    if (what !== "status") throw new UsageError(what === undefined ? "say status" : `"${what}" is not status`);
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const format = formatCalled(given.output);
    const shown = await api.getOfHub("trust");
    const rows = [
      { is: "root", ...(shown.root as Shown) },
      ...(shown.server ? [{ is: "server", by: "hub", ...(shown.server as Shown) }] : []),
    ];
    out(formatted(format, shown, () => table(CERTIFICATES, rows)));
  },
});
