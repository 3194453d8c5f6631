import { MqttClient } from "../mqtt-client.ts";
import { serve } from "./serve.ts";

interface Options {
  readonly port: number;
  readonly clients: number;
  readonly clean: boolean;
  readonly bytes: number;
  /** Where a client publishes, with `HOST` in place of its id. */
  readonly topic: string;
  /** Where what it published comes back. */
  readonly filter: string;
}

export interface Exchanged {
  readonly messages: number;
  readonly perSecond: number;
}

interface Player {
  readonly client: MqttClient;
  readonly topic: string;
  back: () => void;
}

/** Clients that each publish with QoS 1, wait for the acknowledgement and for the message to come back, and begin again. */
serve(async ({ port, clients, clean, bytes, topic, filter }: Options) => {
  const payload = Buffer.alloc(bytes, "x");
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  const players = await Promise.all(
    Array.from({ length: clients }, async (_, number): Promise<Player> => {
      const clientId = `host-${(0xa0000000 + number).toString(16)}`;
      const own = (pattern: string) => pattern.replace("HOST", clientId);
      const player: Pick<Player, "back"> = { back: () => undefined };
      const options = { port, clientId, password: "none", clean, onMessage: () => player.back(), onEnd: ended.reject };
      const client = await MqttClient.open(options, [own(filter)]);
      return Object.assign(player, { client, topic: own(topic) });
    }),
  );
  return {
    async exchange({ seconds }: { seconds: number }): Promise<Exchanged> {
      const began = performance.now();
      const until = began + seconds * 1_000;
      let messages = 0;
      const playing = Promise.all(
        players.map(async (player) => {
          while (performance.now() < until) {
            const returned = new Promise<void>((resolve) => {
              player.back = resolve;
            });
            await Promise.all([player.client.publish(player.topic, payload), returned]);
            messages += 1;
          }
        }),
      );
      // Of what is under way nothing comes back over a connection that has ended.
      await Promise.race([playing, ended.promise]);
      return { messages, perSecond: (messages * 1_000) / (performance.now() - began) };
    },
  };
});
