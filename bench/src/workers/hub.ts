import { createHub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { Host } from "@holdfast/protocol";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import { machineTime, serve } from "./serve.ts";

interface Options {
  readonly home: string;
}

interface Edit {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
}

/** A hub whose commits are seen from inside. */
serve(async ({ home }: Options) => {
  const settings = ["--home", home, "--hub-port", "0"];
  const config = readConfig(HubConfig, { arguments: settings, environment: {} });
  const hub = await createHub(config, { clock: systemClock, log: silentLog });
  let committed = 0;
  hub.store.onCommit(() => {
    committed = machineTime();
  });
  return {
    url: () => hub.url,
    /** Renames a host; when that was durable. */
    async edit({ tenant, id, name }: Edit): Promise<number> {
      await hub.authority.update(Host, { actor: "operator:bench", tenant, id, fields: { name } });
      return committed;
    },
    close: () => hub.close(),
  };
});
