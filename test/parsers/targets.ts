import type { Target } from "./target.ts";
import { AGENT_SAID } from "./targets/agent-said.ts";
import { AGENT_TOLD } from "./targets/agent-told.ts";
import { CONFIG } from "./targets/config.ts";
import { FILES_ON_DISK } from "./targets/files.ts";
import { FILTERS } from "./targets/filters.ts";
import { MACHINES_ASK } from "./targets/machines-ask.ts";
import { MESSAGES } from "./targets/messages.ts";
import { MQTT } from "./targets/mqtt.ts";
import { PACKETS } from "./targets/packets.ts";
import { HUB_API, SITE_API } from "./targets/rest.ts";
import { SHAPE_QUERY } from "./targets/shape-query.ts";
import { SHAPE_REQUESTS } from "./targets/shape-requests.ts";
import { TOPICS } from "./targets/topics.ts";
import { UPLINK_BODIES } from "./targets/uplink-bodies.ts";
import { UPLINK_ENTRIES } from "./targets/uplink-entries.ts";

/** Every parser of the product that reads what others wrote. */
export const TARGETS: readonly Target[] = [
  // Those that take longest first, so that two at a time end together.
  ...[UPLINK_ENTRIES, HUB_API, SHAPE_REQUESTS, AGENT_SAID, SITE_API, MQTT, MACHINES_ASK, UPLINK_BODIES],
  ...[AGENT_TOLD, FILES_ON_DISK, CONFIG, MESSAGES, FILTERS, SHAPE_QUERY, TOPICS, PACKETS],
];
