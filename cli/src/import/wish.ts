import type { Column, Complaint, Row } from "./hosts-file.ts";

/** What a row asks for, before anybody has looked whether what it names is there. */
export interface Wish {
  readonly serial: string;
  readonly uuid: string;
  readonly os: string;
  readonly site: string;
  /** Undefined leaves it to the operating system. */
  readonly secure: boolean | undefined;
  readonly account: string;
  readonly configs: readonly string[];
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  readonly lvmSize: number | undefined;
}

const SERIAL = /^([A-Za-z0-9]{5,20})?$/;
const UUID = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$/i;
const LARGEST_SIZE = 4_294_967_295;

/** Reads a row; of one that cannot be meant, all that is wrong with it. Pure. */
export function readWish({ cells }: Row): { readonly wish: Wish; readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = [];
  const complain = (column: Column, says: string) => complaints.push({ column, says });
  const { Serial: serial, UUID: uuid, OSProfile: os, LVMSize: size } = cells;

  if (!SERIAL.test(serial)) complain("Serial", "must be 5 to 20 letters and digits");
  if (!UUID.test(uuid)) complain("UUID", "is no UUID");
  if (serial === "" && uuid === "") complain("Serial", "it or UUID is needed");
  if (!/^[0-9]*$/.test(size) || Number(size) > LARGEST_SIZE) complain("LVMSize", "must be a whole number of gigabytes");
  for (const column of ["Secure", "K8sEnable"] as const) {
    if (!["", "true", "false"].includes(cells[column].toLowerCase()))
      complain(column, "must be true or false, or empty");
  }
  for (const column of ["Secure", "RemoteUser", "CloudInitMeta"] as const) {
    if (os === "" && cells[column] !== "") complain(column, "is about an installation: OSProfile is needed with it");
  }
  if (cells.K8sEnable.toLowerCase() === "true") {
    complain(
      "K8sEnable",
      "Holdfast makes no clusters: leave it empty, and make the cluster with other means afterwards",
    );
  }
  const metadata = parts(cells.Metadata).map((pair) => {
    const [key = "", ...rest] = pair.split("=");
    if (key === "" || rest.length !== 1) complain("Metadata", `"${pair}" is not KEY=VALUE`);
    return { key, value: rest.join("=") };
  });
  const twice = metadata.find(({ key }, at) => metadata.findIndex((each) => each.key === key) !== at);
  if (twice) complain("Metadata", `"${twice.key}" is there twice`);

  const wish: Wish = {
    ...{ serial, uuid: uuid.toLowerCase(), os, site: cells.Site, metadata },
    secure: cells.Secure === "" ? undefined : cells.Secure.toLowerCase() === "true",
    account: cells.RemoteUser,
    configs: parts(cells.CloudInitMeta),
    lvmSize: size === "" ? undefined : Number(size),
  };
  return { wish, complaints };
}

function parts(text: string): string[] {
  return text === "" ? [] : text.split("&");
}
