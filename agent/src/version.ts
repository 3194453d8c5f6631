/** The version of this agent, as it tells its site and as `--version` prints it. The same as in package.json. */
export const AGENT_VERSION = "0.1.0";

/** What this agent can do beyond the plain protocol; a site asks for nothing else. */
export const CAPABILITIES: readonly string[] = ["calls", "desired", "telemetry"];
