import { type HostId, isHostId } from "@holdfast/protocol/ids";
import { hostTopic, maySubscribe, nodeStatusTopic, parseUpTopic, UP, type UpMessage } from "@holdfast/protocol/topics";

export interface Credentials {
  /** Whether this secret is the host's, and the host is still admitted. */
  admits(hostId: string, secret: string): boolean;
}

/** What a CONNECT says of itself. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly username?: string;
  readonly password?: Buffer;
  readonly will?: { readonly topic: string };
}

/** The codes are CONNACK's, MQTT 3.1.1 §3.2.2.3. */
export type ConnectVerdict =
  | { readonly admitted: true; readonly host: HostId }
  | { readonly admitted: false; readonly code: 2 | 4 | 5; readonly reason: string };

/** Whether a connection may be: its client id and user name are the host's id, its password the host's secret. */
export function judgeConnect(site: string, request: ConnectRequest, credentials: Credentials): ConnectVerdict {
  const { clientId, username, password, will } = request;
  if (!isHostId(clientId)) return { admitted: false, code: 2, reason: "the client id is no host's id" };
  if (username !== clientId) return { admitted: false, code: 4, reason: "the user name is not the client id" };
  if (password === undefined) return { admitted: false, code: 4, reason: "there is no password" };
  if (!credentials.admits(clientId, password.toString())) {
    return { admitted: false, code: 4, reason: "the host is unknown or not admitted, or its secret is wrong" };
  }
  if (will !== undefined && will.topic !== hostTopic(site, clientId, UP.status)) {
    return { admitted: false, code: 5, reason: "the will is not for the host's own status" };
  }
  return { admitted: true, host: clientId };
}

/** What stays to be read later. Everything else is a moment's message, and retaining it would be a mistake. */
const RETAINED: ReadonlySet<UpMessage["is"]> = new Set(["status", "hardware", "reported"]);

export type Publication =
  | { readonly allowed: true; readonly from: HostId; readonly message: UpMessage }
  | { readonly allowed: false; readonly reason: string };

/** Whether a host may publish this, and what it is about. */
export function judgePublish(site: string, host: string, packet: { topic: string; retain: boolean }): Publication {
  const parsed = parseUpTopic(packet.topic);
  if (!parsed || !isHostId(parsed.host)) return { allowed: false, reason: "no host publishes there" };
  if (parsed.site !== site || parsed.host !== host) return { allowed: false, reason: "it is not the host's own topic" };
  if (packet.retain && !RETAINED.has(parsed.message.is)) return { allowed: false, reason: "it may not be retained" };
  return { allowed: true, from: parsed.host, message: parsed.message };
}

/** Whether a host may be sent this, however its subscription came to be. */
export function mayReceive(site: string, host: string, topic: string): boolean {
  const own = hostTopic(site, host, "");
  if (!topic.startsWith(own)) return topic === nodeStatusTopic(site);
  const [leaf, ...rest] = topic.slice(own.length).split("/");
  const filter = leaf === "req" && rest.length === 2 ? hostTopic(site, host, "req/+/+") : topic;
  return maySubscribe(site, host, filter);
}
