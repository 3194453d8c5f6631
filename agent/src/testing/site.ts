import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { orderKeyProof, welcomeProof } from "@holdfast/protocol/enrolment";
import { type Desired, decode, encode, type Messages } from "@holdfast/protocol/messages";
import { type Order, OrderKey, orderKeyId, signOrder } from "@holdfast/protocol/orders";
import { type AgentStatus, hostTopic, nodeStatusTopic } from "@holdfast/protocol/topics";
import { hashSecret } from "@holdfast/runtime";
import { Aedes, type AedesPublishPacket, type Client } from "aedes";
import { exportJWK, generateKeyPair } from "jose";
import { Value } from "typebox/value";

export const HOST = "host-0a1b2c3d";
export const SITE = "site-00000001";
export const SECRET = "hfa_the-secret-of-this-host";

export interface Arrived {
  readonly leaf: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What a site is to an agent: an address to enrol at and a broker, both real, on ports of their own choosing. */
export async function startSite(siteId = SITE) {
  const arrived: Arrived[] = [];
  const asked: Record<string, unknown>[] = [];
  const sockets = new Set<Socket>();
  const clients = new Map<string, Client>();
  let orderKey = await newOrderKey();
  let orderSequence = 0;
  let broker = await newBroker();
  let server: Server;
  let port = 0;
  let secret = SECRET;
  let knownBy: string | undefined;
  const arrivals: Record<string, unknown>[] = [];
  const presented: string[] = [];
  let welcomes: (request: Record<string, unknown>) => boolean = () => false;
  let answer: (request: Record<string, unknown>) => Answer = () => ({ status: 200, body: reply() });
  /** What the broker does with a publication before it is acknowledged. */
  let admit: (leaf: string) => Error | undefined = () => undefined;

  const reply = () => ({
    hostId: HOST,
    siteId,
    secret,
    mqtt: { port },
    protocol: 1,
    capabilities: [],
  });

  async function newBroker(): Promise<Aedes> {
    const made = await Aedes.createBroker();
    const ofOtherSites = new WeakSet<Client>();
    made.preConnect = (client, packet, done) => {
      const will = packet.will?.topic;
      if (will !== undefined && will !== hostTopic(siteId, HOST, "status")) ofOtherSites.add(client);
      done(null, true);
    };
    made.authenticate = (client, username, password, done) => {
      const isOurs = !ofOtherSites.has(client);
      presented.push(password?.toString() ?? "");
      done(null, isOurs && username === HOST && client.id === HOST && password?.toString() === secret);
    };
    made.authorizePublish = (_client, packet, done) => done(admit(leafOf(packet.topic, siteId)) ?? null);
    made.on("client", (client) => clients.set(client.id, client));
    made.on("publish", (packet: AedesPublishPacket, client: Client | null) => {
      if (packet.topic.startsWith("$SYS")) return;
      if (client === null && !packet.topic.endsWith("/status")) return;
      arrived.push({
        leaf: leafOf(packet.topic, siteId),
        payload: Buffer.from(packet.payload),
        retain: packet.retain,
        qos: packet.qos,
      });
    });
    return made;
  }

  async function listen(): Promise<void> {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      broker.handle(socket);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }

  async function stopListening(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
    await new Promise<void>((resolve) => broker.close(resolve));
  }

  function answerTo(path: string | undefined, body: string): Answer {
    if (path === "/v1/health") return { status: 200, body: { status: "active", siteId, mqtt: { port } } };
    if (path === "/v1/arrivals") {
      const request = JSON.parse(body);
      arrivals.push(request);
      const where = { siteId, mqtt: { port } };
      if (!welcomes(request)) return { status: 200, body: { state: "misplaced", ...where } };
      const proof = welcomeProof(hashSecret(secret), { hostId: HOST, siteId, nonce: request.nonce, port });
      return { status: 200, body: { state: "welcome", ...where, proof } };
    }
    if (path === "/v1/order-key") {
      const { nonce } = JSON.parse(body);
      const { publicKey: key, keyId } = orderKey;
      const proof = orderKeyProof(hashSecret(knownBy ?? secret), { hostId: HOST, siteId, nonce, keyId });
      return { status: 200, body: { siteId, key, proof } };
    }
    if (path !== "/v1/enroll") return { status: 404, body: { message: "no such path" } };
    const request = JSON.parse(body);
    asked.push(request);
    return answer(request);
  }

  await listen();
  const http = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { status, body: answered } = answerTo(request.url, Buffer.concat(chunks).toString());
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answered));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");

  const of = (leaf: string) => arrived.filter((message) => message.leaf === leaf);
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    arrived,
    /** Bodies of the enrolments asked for. */
    asked,
    /** Bodies of the arrivals that were shown. */
    arrivals,
    /** Secrets that the broker was shown. */
    presented,
    /** Says of which machines that show up they belong here; of none until it is told. */
    welcomeIf: (given: typeof welcomes) => {
      welcomes = given;
    },
    /** What the site says of itself, retained, until its broker stops. */
    sayItself: (protocol: number) =>
      new Promise<void>((resolve, reject) => {
        const status = { state: "online", node: siteId, protocol, capabilities: [] };
        const payload = Buffer.from(JSON.stringify(status));
        const packet = {
          cmd: "publish",
          topic: nodeStatusTopic(siteId),
          payload,
          qos: 1,
          retain: true,
          dup: false,
        } as const;
        broker.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
    get connected() {
      return broker.connectedClients;
    },
    reply,
    of,
    messages: <Name extends keyof Messages>(name: Name, leaf: string): Messages[Name][] =>
      of(leaf).map((message) => decode(name, message.payload)),
    statuses: () => of("status").map((message) => JSON.parse(message.payload.toString()) as AgentStatus),
    /** Publishes as the site, retained when told so. */
    say: (leaf: string, payload: Uint8Array, retain = false) =>
      new Promise<void>((resolve, reject) => {
        const topic = hostTopic(siteId, HOST, leaf);
        const packet = { cmd: "publish", topic, payload: Buffer.from(payload), qos: 1, retain, dup: false } as const;
        broker.publish(packet, (error) => (error ? reject(error) : resolve()));
      }),
    /** Sends the host what it has not subscribed to, as no honest broker does. */
    sendUnasked: (topic: string, payload: Uint8Array) =>
      new Promise<void>((resolve) => {
        const packet = {
          cmd: "publish",
          topic,
          payload: Buffer.from(payload),
          qos: 0,
          retain: false,
          dup: false,
        } as const;
        clients.get(HOST)?.publish(packet, () => resolve());
      }),
    desire: function (desired: Partial<Desired> & Pick<Desired, "version">) {
      return this.say("desired", encode("Desired", { ...DESIRED, ...desired }), true);
    },
    /** An order to this host as its site signs it, changed as a forger would who has the site's key. */
    order: (of: Pick<Order, "id" | "type" | "arguments" | "notAfter"> & Partial<Order>) => {
      orderSequence += 1;
      return signOrder({ site: siteId, host: HOST, sequence: orderSequence, ...of }, orderKey);
    },
    /** As after the loss of the site's disk. */
    makeNewOrderKey: async () => {
      const before = orderKey;
      orderKey = await newOrderKey();
      return () => {
        orderKey = before;
      };
    },
    /** Whoever answers for the site knows the host by another secret. */
    knowHostBy: (given: string) => {
      knownBy = given;
    },
    setSecret: (given: string) => {
      secret = given;
    },
    answerWith: (given: typeof answer) => {
      answer = given;
    },
    admitOnly: (given: typeof admit) => {
      admit = given;
    },
    /** Takes the broker away, with all that it remembered. */
    stopBroker: stopListening,
    startBroker: async () => {
      broker = await newBroker();
      await listen();
    },
    /** The next start is at a port of the system's choosing. */
    forgetPort: () => {
      port = 0;
    },
    close: async () => {
      http.closeAllConnections();
      http.close();
      await stopListening().catch(() => undefined);
    },
  };
}

export type TestSite = Awaited<ReturnType<typeof startSite>>;

async function newOrderKey() {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty, crv, x } = await exportJWK(pair.publicKey);
  const publicKey = Value.Parse(OrderKey, { kty, crv, x });
  return { key: pair.privateKey, publicKey, keyId: await orderKeyId(publicKey) };
}

const DESIRED: Desired = { hostId: HOST, name: "edge-one", generation: 1, metadata: {} };

function leafOf(topic: string, siteId: string): string {
  const prefix = hostTopic(siteId, HOST, "");
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : topic;
}
