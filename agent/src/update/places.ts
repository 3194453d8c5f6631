import { join } from "node:path";

/** Where updates are, of root's. */
export interface Programs {
  /** One directory a release. */
  readonly releases: string;
  /** A link to the release that the service starts. */
  readonly current: string;
  /** A link to the last release that has proven itself: it supervises. */
  readonly trusted: string;
  readonly journal: string;
}

export function programsIn(directory: string): Programs {
  return {
    releases: join(directory, "releases"),
    current: join(directory, "current"),
    trusted: join(directory, "trusted"),
    journal: join(directory, "update.json"),
  };
}

/** What the agent has fetched, of the agent's own. Nothing in it is believed by who is root. */
export interface Fetched {
  readonly directory: string;
  readonly content: string;
  readonly manifest: string;
  readonly signature: string;
  /** There when the three others are whole. */
  readonly ready: string;
  /** Names the try in which the agent was let in by its site and has reported. */
  readonly proven: string;
}

export function fetchedIn(stateDir: string): Fetched {
  const directory = join(stateDir, "update");
  return {
    directory,
    content: join(directory, "content"),
    manifest: join(directory, "manifest.json"),
    signature: join(directory, "manifest.json.minisig"),
    ready: join(directory, "ready"),
    proven: join(directory, "proven"),
  };
}

/** The executable in a release's directory. */
export const EXECUTABLE = "holdfast-agent";
