import { seconds } from "@holdfast/runtime";
import type { HubConfig } from "../config.ts";
import type { ShapeSettings } from "./shapes.ts";

const PAGE_BYTES = 1024 * 1024;

/** How shapes are served, as the hub is told. */
export function shapeSettings(config: HubConfig): ShapeSettings {
  return {
    pollFor: seconds(config.pollSeconds),
    streamFor: seconds(config.streamSeconds),
    keepAliveEvery: seconds(config.keepAliveSeconds),
    budget: { rows: config.pageRows, bytes: PAGE_BYTES },
    requestsPerSite: config.requestsPerSite,
  };
}
