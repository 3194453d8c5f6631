import type { PlantedFault } from "./fault.ts";
import { ACTING } from "./faults/acting.ts";
import { COMING_AND_GOING } from "./faults/coming-and-going.ts";
import { DISASTERS } from "./faults/disasters.ts";
import { FOLLOWING } from "./faults/following.ts";
import { SENDING } from "./faults/sending.ts";
import { WRITING } from "./faults/writing.ts";

/** What may be planted, to see that it is found. */
export const FAULTS: readonly PlantedFault[] = [
  ...SENDING,
  ...FOLLOWING,
  ...WRITING,
  ...COMING_AND_GOING,
  ...ACTING,
  ...DISASTERS,
];
