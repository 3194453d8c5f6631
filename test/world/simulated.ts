// Loaded before each file of scenarios: from here on time, randomness and network are simulated.
import { simulate } from "../simulation/simulation.ts";

simulate(1);
