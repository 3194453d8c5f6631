import type { Api, Shown } from "../api.ts";
import { lookUp, type Nameable, nameable } from "../look-up.ts";
import type { Column, Complaint, Row } from "./hosts-file.ts";
import { readWish, type Wish } from "./wish.ts";

/** What is to be made of a row: all that it names has been found. */
export interface Plan extends Wish {
  readonly row: Row;
  readonly osId: string | undefined;
  readonly siteId: string | undefined;
  readonly accountId: string | undefined;
  readonly configIds: readonly string[];
  readonly securityFeature: unknown;
}

export interface Preflight {
  readonly plans: readonly Plan[];
  /** By row, of those that cannot be made. */
  readonly complaints: ReadonlyMap<Row, readonly Complaint[]>;
}

const OS = nameable("operating_system", { called: "OS profile" });
const SITE = nameable("site", {});
const ACCOUNT = nameable("local_account", { by: "username", called: "account" });
const CONFIG = nameable("custom_config", { called: "custom config" });
const SECURE = "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";

/** Looks through all rows and asks for what they name. Nothing is made. Throws when it cannot be asked. */
export async function preflight(api: Api, rows: readonly Row[]): Promise<Preflight> {
  const plans: Plan[] = [];
  const complaints = new Map<Row, readonly Complaint[]>();
  const known = new Map<string, Promise<Shown | string>>();
  const seen = new Map<string, number>();

  function find(what: Nameable, word: string): Promise<Shown | string> {
    const key = `${what.kind.name} ${word}`;
    const finding = known.get(key) ?? lookUp(api, what, word);
    known.set(key, finding);
    return finding;
  }

  for (const row of rows) {
    const { wish, complaints: wrong } = readWish(row);
    const all: Complaint[] = [...wrong];
    async function named(what: Nameable, column: Column, word: string): Promise<Shown | undefined> {
      if (word === "") return undefined;
      const found = await find(what, word);
      if (typeof found !== "string") return found;
      all.push({ column, says: found });
      return undefined;
    }
    const os = await named(OS, "OSProfile", wish.os);
    const site = await named(SITE, "Site", wish.site);
    const account = await named(ACCOUNT, "RemoteUser", wish.account);
    const configs: (Shown | undefined)[] = [];
    for (const word of wish.configs) configs.push(await named(CONFIG, "CloudInitMeta", word));
    if (wish.secure && os && os.securityFeature !== SECURE) {
      all.push({ column: "Secure", says: `the OS profile "${wish.os}" has no secure boot and disk encryption` });
    }
    const twin = seen.get(machineOf(wish));
    if (twin === undefined) seen.set(machineOf(wish), row.line);
    else all.push({ says: `is the same machine as line ${twin}` });

    if (all.length > 0) complaints.set(row, all);
    const securityFeature = wish.secure === false ? "SECURITY_FEATURE_NONE" : os?.securityFeature;
    const configIds = configs.flatMap((config) => idOf(config) ?? []);
    plans.push({
      ...wish,
      row,
      osId: idOf(os),
      siteId: idOf(site),
      accountId: idOf(account),
      configIds,
      securityFeature,
    });
  }
  return { plans, complaints };
}

function machineOf({ serial, uuid }: Wish): string {
  return `${serial} ${uuid}`;
}

function idOf(resource: Shown | undefined): string | undefined {
  return typeof resource?.resourceId === "string" ? resource.resourceId : undefined;
}
