const GROUPS = 8;
/** Of a /64: what one customer, one office or one machine has at least, and may choose its addresses in. */
const OF_NETWORK = 4;

/** IPv4 as a socket of both families shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What limits go by: an IPv4 address itself, and of an IPv6 address its /64, for whoever has one address of it has all. What is
 * no address stays as it is.
 */
export function networkOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [bare = ""] = address.toLowerCase().split("%");
  const [first = "", last] = bare.split("::");
  const [head, tail] = [groupsOf(first), groupsOf(last ?? "")];
  const zeros = last === undefined ? [] : Array<string>(Math.max(0, GROUPS - head.length - tail.length)).fill("0");
  const network = [...head, ...zeros, ...tail].slice(0, OF_NETWORK).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
