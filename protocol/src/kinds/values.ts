import { Type } from "typebox";
import { enumeration, observed } from "./kind.ts";

/** Text that a person reads in lists: names of hosts, sites, regions. */
export const Name = Type.String({ maxLength: 50, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" });

/** A label on a resource. Keys are unique within a resource; children inherit what they do not set. */
export const MetadataItem = Type.Object(
  {
    key: Type.String({
      maxLength: 316,
      pattern:
        "^$|^[a-z.]+/$|^[a-z.]+/[a-z0-9][a-z0-9-_.]*[a-z0-9]$|^[a-z.]+/[a-z0-9]$|^[a-z]$|^[a-z0-9][a-z0-9-_.]*[a-z0-9]$",
    }),
    value: Type.String({ maxLength: 63, pattern: "^$|^[a-z0-9]$|^[a-z0-9][a-z0-9._-]*[a-z0-9]$" }),
  },
  { title: "MetadataItem" },
);

export const Metadata = Type.Array(MetadataItem, { maxItems: 100 });

/** Metadata of the ancestors, merged, without the keys that the resource sets itself. */
export const InheritedMetadata = Type.Array(MetadataItem);

/** A count that the API shows as a JSON string, because JSON numbers end at 2^53; stored as an integer. */
export const Uint64 = Type.Unsafe<string>({ type: "string", format: "uint64", pattern: "^[0-9]{1,16}$" });

export const Uint32 = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });

export const StatusIndication = enumeration("StatusIndication", [
  "STATUS_INDICATION_UNSPECIFIED",
  "STATUS_INDICATION_ERROR",
  "STATUS_INDICATION_IN_PROGRESS",
  "STATUS_INDICATION_IDLE",
]);

const StatusText = Type.String({ maxLength: 1024 });
type StatusField<N extends string, S extends string> = `${N}${S}`;

/** A status as text, as an indication, and when it was last said (seconds since the epoch). */
export function statusTriplet<const N extends string>(name: N, initial: string) {
  return {
    [name]: observed(StatusText, { initial }),
    [`${name}Indicator`]: observed(StatusIndication, { initial: "STATUS_INDICATION_UNSPECIFIED" }),
    [`${name}Timestamp`]: observed(Uint32, { initial: 0 }),
  } as {
    [K in N]: ReturnType<typeof observed<typeof StatusText>>;
  } & { [K in StatusField<N, "Indicator">]: ReturnType<typeof observed<typeof StatusIndication>> } & {
    [K in StatusField<N, "Timestamp">]: ReturnType<typeof observed<typeof Uint32>>;
  };
}

export const SecurityFeature = enumeration("SecurityFeature", [
  "SECURITY_FEATURE_UNSPECIFIED",
  "SECURITY_FEATURE_NONE",
  "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
]);

/** RFC 3339 times in the API. */
export const Timestamps = Type.Object(
  {
    createdAt: Type.String({ format: "date-time" }),
    updatedAt: Type.String({ format: "date-time" }),
  },
  { title: "Timestamps" },
);
