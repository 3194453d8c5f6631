import "../world/simulated.ts";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { recordStory } from "./story.ts";

/**
 * Records what the programs of today say to one another, as the fixture of the protocol's version that they speak:
 * `node_modules/.bin/node test/wire/record.ts`. Not to be run for a version that was released.
 */
const folder = new URL(`protocol-${PROTOCOL_VERSION}/`, import.meta.url);
const { site, agent } = await recordStory();
mkdirSync(folder, { recursive: true });
for (const [name, recorded] of Object.entries({ site, agent })) {
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(recorded, null, 2)}\n`);
}
copyFileSync(new URL("../../protocol/proto/agent.proto", import.meta.url), new URL("agent.proto", folder));
process.stdout.write(`recorded ${fileURLToPath(folder)}; now: biome check --write test/wire\n`);
