import { FuzzedHub } from "../programs/fuzzed-hub.ts";
import type { Target } from "../target.ts";
import { openedRest } from "./rest.ts";

/** All that operators read and write at the hub. */
export const HUB_API: Target = {
  name: "hub-api",
  about:
    "every path of the hub answers or refuses; a page is as large as asked for; what is written is then shown as it was answered",
  open: async () => openedRest(await FuzzedHub.start()),
};
