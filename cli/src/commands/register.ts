import { command } from "../command.ts";
import { CONNECTION_OPTIONS } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { lookUp, nameable } from "../look-up.ts";
import { formatCalled, formatted, OUTPUT_OPTION } from "../output/format.ts";

const SITE = nameable("site", {});

export const register = command({
  purpose: "expects a machine, known by serial number or UUID",
  operands: "host",
  options: {
    serial: { value: "SERIAL", says: "its serial number" },
    uuid: { short: "u", value: "UUID", says: "of its firmware" },
    name: { short: "n", value: "NAME", says: "[its id]" },
    site: { short: "s", value: "SITE", says: "name or id of where it will be" },
    "no-onboarding": { says: "let it wait for a word of yours when it is there" },
    ...OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  async run([kind, ...rest], given, { api, out }) {
    if (kind !== "host" && kind !== "hosts") throw new UsageError("what is registered is a host: register host");
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const { serial, uuid } = given;
    if (serial === undefined && uuid === undefined) throw new UsageError("--serial or --uuid is needed");
    const format = formatCalled(given.output);
    const site = given.site === undefined ? undefined : await lookUp(api, SITE, given.site);
    if (typeof site === "string") throw new UsageError(`--site: ${site}`);
    const { resourceId } = await api.send("POST", "compute/hosts/register", {
      ...{ name: "", serialNumber: serial ?? "", uuid: uuid ?? "", autoOnboard: given["no-onboarding"] !== true },
    });
    const name = given.name ?? resourceId;
    const path = `compute/hosts/${String(resourceId)}`;
    const host = await api.send("PATCH", path, { name, ...(site ? { siteId: site.resourceId } : {}) });
    out(formatted(format, host, () => `${String(resourceId)}\n`));
  },
});
