import { readFileSync } from "node:fs";
import type { UplinkBatch } from "@holdfast/protocol";
import type { Json } from "../world/request.ts";
import type { RecordedAct } from "./acts.ts";
import type { Exchange } from "./http-tap.ts";

/** A request of a site to its hub, as it was recorded. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: UplinkBatch | null;
  readonly status: number;
  readonly answerHeaders: Readonly<Record<string, string>>;
  readonly answer: Json;
}

export interface SiteRecording {
  readonly ids: Readonly<Record<"site" | "host" | "secondHost" | "os" | "instance" | "tenant" | "epoch", string>> & {
    readonly otherSite?: string;
  };
  readonly requests: readonly RecordedRequest[];
  /** What operators did at the hub; of version 1 none was kept, see `actsOf`. */
  readonly acts?: readonly RecordedAct[];
  /** Hosts as the API of that version's hub showed them in the end. */
  readonly shows: readonly Json[];
}

/** An MQTT packet between an agent and its site; payloads are base64. */
export interface RecordedPacket {
  readonly direction: "up" | "down";
  readonly cmd: string;
  readonly topic?: string | null;
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
  readonly payload?: string | { readonly base64: string } | null;
  readonly [more: string]: Json;
}

export interface AgentRecording {
  readonly ids: { readonly site: string; readonly hosts: readonly string[] };
  readonly machines: readonly {
    readonly enrolment: { readonly request: Json; readonly answer: Json };
    readonly packets: readonly RecordedPacket[];
  }[];
  /** Machines of another site that came here. */
  readonly arrivals?: readonly Exchange[];
}

export function siteRecording(version: number): SiteRecording {
  return read(version, "site");
}

export function agentRecording(version: number): AgentRecording {
  return read(version, "agent");
}

export function protoOf(version: number): string {
  return readFileSync(new URL(`protocol-${version}/agent.proto`, import.meta.url), "utf8");
}

/** A recording with ids of now in the place of those that it was made with, all at once: one may be both. */
export function withIds<T>(recorded: T, ids: ReadonlyMap<string, string>): T {
  if (ids.size === 0) return recorded;
  const any = new RegExp([...ids.keys()].map((id) => id.replaceAll(/[^\w-]/g, "\\$&")).join("|"), "g");
  return JSON.parse(JSON.stringify(recorded).replaceAll(any, (id) => ids.get(id) ?? id)) as T;
}

export function payloadOf({ payload }: RecordedPacket): Buffer {
  if (payload === undefined || payload === null) return Buffer.alloc(0);
  return typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload.base64, "base64");
}

/**
 * Where an answer of now lacks what a recorded one had, or has another type there: paths, none when an old reader finds all
 * that it knows.
 */
export function missingFrom(now: Json, recorded: Json, path = ""): string[] {
  if (recorded === null) return [];
  if (Array.isArray(recorded)) {
    if (!Array.isArray(now)) return [path];
    return recorded.length === 0 || now.length === 0 ? [] : missingFrom(now[0], recorded[0], `${path}[]`);
  }
  if (typeof recorded !== "object") return typeof now === typeof recorded ? [] : [path];
  if (typeof now !== "object" || now === null) return [path];
  return Object.keys(recorded).flatMap((name) => missingFrom(now[name], recorded[name], `${path}.${name}`));
}

function read<T>(version: number, name: string): T {
  return JSON.parse(readFileSync(new URL(`protocol-${version}/${name}.json`, import.meta.url), "utf8")) as T;
}
