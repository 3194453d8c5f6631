import { CustomConfig, LocalAccount, OsUpdatePolicy, Workload, WorkloadMember } from "./embedded.ts";
import { Host } from "./host.ts";
import { Instance } from "./instance.ts";
import type { Kind } from "./kind.ts";
import { OperatingSystem } from "./operating-system.ts";
import { Provider } from "./provider.ts";
import { Region } from "./region.ts";
import { Site } from "./site.ts";

/** Every kind that is stored and served, referred-to before referring. */
export const KINDS: readonly Kind[] = [Region, Provider, Site, OperatingSystem, Host, Instance];

/** Kinds that have a shape but no table and no paths. */
export const EMBEDDED_KINDS: readonly Kind[] = [LocalAccount, CustomConfig, OsUpdatePolicy, Workload, WorkloadMember];

const BY_NAME = new Map(KINDS.map((kind) => [kind.name, kind]));

/** A served kind by its name; undefined when there is none. */
export function kindNamed(name: string): Kind | undefined {
  return BY_NAME.get(name);
}

/** The served kind that an id belongs to, by its prefix; undefined when no kind has that prefix. */
export function kindOfId(id: string): Kind | undefined {
  const prefix = id.slice(0, id.lastIndexOf("-"));
  return KINDS.find((kind) => kind.prefix === prefix);
}
