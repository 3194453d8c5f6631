import { connect, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";

export interface RawAnswer {
  readonly status: number;
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly token: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string | undefined;
}

const WITH_LENGTH = new Set(["POST", "PUT", "PATCH"]);

/** The bytes that Go's net/http client writes for a request, in its order of headers. */
export function asGoWrites(host: string, { method, target, token, contentType, body }: RawRequest): string {
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  const headers = [
    `Host: ${host}`,
    "User-Agent: Go-http-client/1.1",
    ...(body !== undefined || WITH_LENGTH.has(method) ? [`Content-Length: ${length}`] : []),
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(contentType === undefined ? [] : [`Content-Type: ${contentType}`]),
    "Accept-Encoding: gzip",
  ];
  return [`${method} ${target} HTTP/1.1`, ...headers, "", body ?? ""].join("\r\n");
}

/** One connection, kept open, on which requests go one after the other. */
export class GoClient implements Disposable {
  readonly host: string;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #woken: () => void = () => undefined;

  constructor(url: string) {
    const { host, hostname, port } = new URL(url);
    this.host = host;
    this.#socket = connect(Number(port), hostname);
    this.#socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#woken();
    });
    for (const event of ["close", "error"]) {
      this.#socket.on(event, () => {
        this.#ended = true;
        this.#woken();
      });
    }
  }

  async send(request: RawRequest): Promise<RawAnswer> {
    this.#socket.write(asGoWrites(this.host, request));
    const head = await this.#until(() => this.#received.indexOf("\r\n\r\n"));
    const [line = "", ...lines] = this.#take(head + 4)
      .toString("latin1")
      .trimEnd()
      .split("\r\n");
    const headers = new Map(lines.map((each) => headerOf(each)));
    const body = headers.has("content-length") ? await this.#sized(headers) : await this.#chunks();
    const plain = headers.get("content-encoding") === "gzip" ? gunzipSync(body) : body;
    return { status: Number(line.split(" ")[1]), headers, text: plain.toString("utf8") };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #sized(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    const length = Number(headers.get("content-length"));
    await this.#until(() => (this.#received.length >= length ? length : -1));
    return this.#take(length);
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const end = await this.#until(() => this.#received.indexOf("\r\n"));
      const size = Number.parseInt(this.#take(end + 2).toString("latin1"), 16);
      await this.#until(() => (this.#received.length >= size + 2 ? size : -1));
      chunks.push(this.#take(size + 2).subarray(0, size));
      if (size === 0) return Buffer.concat(chunks);
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  async #until(found: () => number): Promise<number> {
    for (let at = found(); ; at = found()) {
      if (at >= 0) return at;
      if (this.#ended) throw new Error(`the connection ended after ${JSON.stringify(this.#received.toString("utf8"))}`);
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
  }
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
