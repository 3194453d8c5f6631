/**
 * MQTT topics between one host's agent and its site-node: `e/v1/{site}/{host}/…`. A host may publish what it says and
 * subscribe to what it is told, both below its own prefix only, and read whether its site-node listens.
 */
export const TOPIC_ROOT = "e/v1";

/** Topics that an agent publishes. */
export const UP = {
  status: "status",
  hardware: "hw",
  heartbeat: "hb",
  reported: "reported",
  telemetry: (stream: string) => `tele/${stream}`,
  jobStatus: (id: string) => `jobs/${id}/status`,
  result: (requestId: string) => `res/${requestId}`,
} as const;

/** Topics that an agent subscribes to. */
export const DOWN = {
  desired: "desired",
  nextJob: "jobs/next",
  request: (requestId: string, operation: string) => `req/${requestId}/${operation}`,
  requests: "req/+/+",
} as const;

/** Operations of `DOWN.request`: what a site may ask of an agent. */
export const CALL = { identify: "identify", rescan: "rescan", logTail: "log-tail", power: "power" } as const;

/**
 * Arguments of the call `power`, JSON. An id that was carried out once is never carried out again, also after the boot
 * that came of it. Answered before it is done; a second answer comes only where it could not be done after all.
 */
export interface PowerCall {
  readonly id: string;
  readonly action: "off" | "reset";
  /** `orderly` respects programs that asked not to be interrupted; `at-once` does not wait for them. */
  readonly manner: "orderly" | "at-once";
}

export function hostTopic(site: string, host: string, leaf: string): string {
  return `${TOPIC_ROOT}/${site}/${host}/${leaf}`;
}

/** The site-node's own retained status: agents see here whether anyone listens. */
export function nodeStatusTopic(site: string): string {
  return `${TOPIC_ROOT}/${site}/_node/status`;
}

export type UpMessage =
  | { readonly is: "status" }
  | { readonly is: "hardware" }
  | { readonly is: "heartbeat" }
  | { readonly is: "reported" }
  | { readonly is: "telemetry"; readonly stream: string }
  | { readonly is: "job-status"; readonly job: string }
  | { readonly is: "result"; readonly request: string };

export interface ParsedTopic {
  readonly site: string;
  readonly host: string;
  readonly message: UpMessage;
}

const LEVEL = /^[A-Za-z0-9_.-]{1,64}$/;

/** What an agent's publication is about; undefined when the topic is none that an agent may publish to. */
export function parseUpTopic(topic: string): ParsedTopic | undefined {
  const [e, version, site, host, first, ...rest] = topic.split("/");
  if (`${e}/${version}` !== TOPIC_ROOT || site === undefined || host === undefined || first === undefined) return;
  const levels = [first, ...rest];
  if (!levels.every((level) => LEVEL.test(level))) return;
  const message = upMessage(levels);
  return message && { site, host, message };
}

function upMessage(levels: string[]): UpMessage | undefined {
  const [first = "", second = "", third] = levels;
  if (levels.length === 1) {
    if (first === UP.status) return { is: "status" };
    if (first === UP.hardware) return { is: "hardware" };
    if (first === UP.heartbeat) return { is: "heartbeat" };
    if (first === UP.reported) return { is: "reported" };
  }
  if (levels.length === 2 && first === "tele") return { is: "telemetry", stream: second };
  if (levels.length === 2 && first === "res") return { is: "result", request: second };
  if (levels.length === 3 && first === "jobs" && third === "status") return { is: "job-status", job: second };
  return undefined;
}

/** Whether an agent of this host may subscribe to a filter: exactly what it is told, nothing wider. */
export function maySubscribe(site: string, host: string, filter: string): boolean {
  const told: string[] = [DOWN.desired, DOWN.nextJob, DOWN.requests];
  return filter === nodeStatusTopic(site) || told.some((leaf) => filter === hostTopic(site, host, leaf));
}

/** How an agent's update of itself stands: `rolled-back` says of which release, and that the one before runs again. */
export interface AgentUpdate {
  readonly state: "trying" | "proven" | "rolled-back" | "refused";
  readonly release?: string;
  readonly reason?: string;
}

/** Payload of `status` and of the will, JSON. A will counts only while its session is the current one. */
export interface AgentStatus {
  readonly state: "online" | "offline" | "lost";
  readonly session: string;
  readonly bootId: string;
  readonly agent: string;
  readonly protocol: number;
  readonly capabilities: readonly string[];
  readonly update?: AgentUpdate;
}

/** Payload of the site-node's own status, JSON. */
export interface NodeStatus {
  readonly state: "online" | "offline";
  readonly node: string;
  readonly protocol: number;
  readonly capabilities: readonly string[];
}
