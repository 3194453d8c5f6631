/** MQTT 3.1.1 §2.2.1, by number. */
const PACKETS = [
  ...["", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP"],
  ...["SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", ""],
];
const PUBLISH = 3;
const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;
/** `e/v1/{site}/{host}/` */
const OF_A_HOST = 4;

/** What bytes on a wire begin with, in words that are the same for every site, host and time: of HTTP and MQTT. */
export function whatIsSent(bytes: Buffer): string {
  const start = bytes.subarray(0, 2_000).toString("latin1");
  const [, method, path = ""] = /^([A-Z]{3,7}) (\S+) HTTP\//.exec(start) ?? [];
  if (method) return `${method} ${path.replace(/\?.*/, "").replace(/\b[a-z]+-[0-9a-f]{8,}\b/g, "*")}`;
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(start) ?? [];
  if (status) return `answer ${status}`;
  if (/^[0-9a-f]+\r\n/.test(start)) return "a piece of an answer";
  const packet = (bytes[0] ?? 0) >> 4;
  return packet === PUBLISH ? `PUBLISH ${topicIn(bytes)}` : (PACKETS[packet] ?? "");
}

/** Of an MQTT PUBLISH (§3.3.2), without the names of site and host. */
function topicIn(bytes: Buffer): string {
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  const length = bytes.length > at + 2 ? bytes.readUInt16BE(at + 1) : 0;
  const topic = bytes.subarray(at + 3, at + 3 + length).toString("utf8");
  return topic.split("/").slice(OF_A_HOST).join("/").replace(UUID, "*");
}
