import type { NetworkInterfaceInfo } from "node:os";
import type { Facts } from "./facts.ts";

const MOST_ADDRESSES = 64;

/** The addresses in what `ip -j address show` prints; undefined when this is not its output (busybox has no -j). */
export function parseAddresses(text: string): Facts["addresses"] | undefined {
  const interfaces = parsed(text);
  if (!Array.isArray(interfaces)) return undefined;
  return Object.fromEntries(
    interfaces.flatMap((entry): [string, { address: string; dynamic?: boolean }[]][] => {
      const name = textOf(entry, "ifname");
      const addresses = children(entry, "addr_info").flatMap(addressOf);
      return name === undefined ? [] : [[name, addresses.slice(0, MOST_ADDRESSES)]];
    }),
  );
}

function addressOf(info: unknown): { address: string; dynamic?: boolean }[] {
  const address = textOf(info, "local");
  const prefix = property(info, "prefixlen");
  if (address === undefined || typeof prefix !== "number") return [];
  const whole = `${address}/${prefix}`;
  // A link-local address is the kernel's own: nobody configured it, neither by hand nor by DHCP.
  if (property(info, "scope") === "link") return [{ address: whole }];
  return [{ address: whole, dynamic: property(info, "dynamic") === true }];
}

/** The same from what Node knows without `ip`: no lifetimes, so whether an address is dynamic stays unknown. */
export function addressesOfInterfaces(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): Facts["addresses"] {
  return Object.fromEntries(
    Object.entries(interfaces).map(([name, addresses]) => [
      name,
      (addresses ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [{ address: cidr }])).slice(0, MOST_ADDRESSES),
    ]),
  );
}

/** The switch ports in what `lldpcli -f json0 show neighbors` prints, in which everything is a list; undefined when this is not its output. */
export function parseNeighbours(text: string): Facts["neighbours"] | undefined {
  const lldp = property(parsed(text), "lldp");
  if (!Array.isArray(lldp)) return undefined;
  return Object.fromEntries(
    children(lldp[0], "interface").flatMap((entry): [string, Facts["neighbours"][string]][] => {
      const name = textOf(entry, "name");
      const chassis = children(entry, "chassis")[0];
      const port = children(entry, "port")[0];
      const found = {
        name: value(children(chassis, "name")[0]),
        mac: identifier(chassis, "mac"),
        port: identifier(port) ?? value(children(port, "descr")[0]),
      };
      const known = Object.fromEntries(Object.entries(found).filter(([, text]) => text !== undefined));
      return name === undefined ? [] : [[name, known]];
    }),
  );
}

function identifier(of: unknown, type?: string): string | undefined {
  return value(children(of, "id").find((id) => type === undefined || property(id, "type") === type));
}

function value(of: unknown): string | undefined {
  return textOf(of, "value");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null && Object.hasOwn(of, name)
    ? (of as Record<string, unknown>)[name]
    : undefined;
}

function textOf(of: unknown, name: string): string | undefined {
  const found = property(of, name);
  return typeof found === "string" && found !== "" ? found.slice(0, 256) : undefined;
}

function children(of: unknown, name: string): unknown[] {
  const found = property(of, name);
  return Array.isArray(found) ? found : [];
}
