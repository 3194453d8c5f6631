import { FuzzedSite } from "../programs/fuzzed-site.ts";
import type { Target } from "../target.ts";
import { openedRest } from "./rest.ts";

/** The hub's API at a site, over what the site holds. */
export const SITE_API: Target = {
  name: "site-api",
  about: "every path of a site, read or written, answers or refuses; what it takes is then shown as it was answered",
  open: async () => openedRest(await FuzzedSite.start()),
};
