import { monitorEventLoopDelay } from "node:perf_hooks";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import { createSiteNode } from "@holdfast/site-node";
import { SiteConfig } from "@holdfast/site-node/config";
import { machineTime, serve } from "./serve.ts";

interface Options {
  readonly home: string;
  readonly hubUrl: string;
  readonly siteId: string;
}

export interface Replicated {
  readonly milliseconds: number;
  /** For how long at most the process did nothing else. */
  readonly longestStall: number;
}

/** A site-node whose commits are seen from inside. */
serve(async ({ home, hubUrl, siteId }: Options) => {
  const settings = [
    ...["--home", home, "--hub-url", hubUrl, "--site-id", siteId, "--token-file", `${home}/token`],
    ...["--site-port", "0", "--mqtt-port", "0"],
  ];
  const config = readConfig(SiteConfig, { arguments: settings, environment: {} });
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const began = performance.now();
  const node = await createSiteNode(config, { clock: systemClock, log: silentLog });
  let hosts = 0;
  let commits: number[] = [];
  const waiting = new Set<() => void>();
  node.store.onCommit(({ changes }) => {
    const changed = changes.filter(({ kind }) => kind === "host").length;
    if (changed === 0) return;
    hosts += changed;
    commits.push(machineTime());
    for (const wake of waiting) wake();
  });
  async function until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      });
    }
  }

  return {
    /** Resolves when so many hosts have been shown, with the time from the start until then. */
    async replicated(wanted: number): Promise<Replicated> {
      const at = await until(() => (hosts >= wanted ? performance.now() : undefined));
      return { milliseconds: at - began, longestStall: delay.max / 1e6 };
    },
    /** When a commit first showed a host, at that moment or after. */
    firstAfter: (moment: number): Promise<number> => until(() => commits.find((at) => at >= moment)),
    forget() {
      commits = [];
    },
    close: () => node.close(),
  };
});
