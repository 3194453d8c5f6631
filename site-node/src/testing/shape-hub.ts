interface Row {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  readonly body: string | null;
}

const SCHEMA = JSON.stringify({
  scope: { type: "text" },
  kind: { type: "text" },
  id: { type: "text" },
  seq: { type: "int8" },
  body: { type: "text" },
});

/** One scope of a feed, served by the Shape protocol as `fetch`: snapshot, catch-up, server-sent events, must-refetch. */
export class ShapeHub {
  readonly scope: string;
  handle = "handle-1";
  /** Answers every request with this instead. */
  refusing: number | undefined;
  readonly requests: URL[] = [];
  #rows: Row[] = [];
  #live = new Set<(text: string) => void>();
  #end = new Set<() => void>();

  constructor(scope: string) {
    this.scope = scope;
  }

  get head(): number {
    return this.#rows.at(-1)?.seq ?? 0;
  }

  /** Each call is a commit of its own: followers get its rows and an up-to-date. */
  commit(...rows: Row[]): void {
    this.#rows.push(...rows);
    const text = [...rows.map((row) => this.#message(row)), upToDate(this.head)]
      .map((each) => `data: ${each}\n\n`)
      .join("");
    for (const send of this.#live) send(text);
  }

  /** The log begins anew; followers find out when they ask next, which is at once. */
  rotate(handle: string, ...rows: Row[]): void {
    this.handle = handle;
    this.#rows = rows;
    this.hangUp();
  }

  /** Ends whatever is followed live. */
  hangUp(): void {
    for (const end of this.#end) end();
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    this.requests.push(url);
    if (this.refusing !== undefined) return new Response('{"message":"no"}', { status: this.refusing });
    const offset = url.searchParams.get("offset") ?? "-1";
    const given = url.searchParams.get("handle");
    if (offset !== "-1" && given !== this.handle) {
      const body = '[{"headers":{"control":"must-refetch"}}]';
      return new Response(body, { status: 409, headers: { "electric-handle": this.handle } });
    }
    const after = offset === "-1" ? 0 : Number(offset.split("_")[0]);
    const rows = this.#rows.filter(({ seq }) => seq > after).map((row) => this.#message(row));
    if (url.searchParams.get("live") === "true") return this.#events(rows, init?.signal ?? undefined);
    const messages = offset === "-1" ? rows : [...rows, upToDate(this.head)];
    return new Response(`[${messages.join(",")}]`, { headers: { ...this.#headers(), "electric-schema": SCHEMA } });
  };

  #events(rows: readonly string[], signal: AbortSignal | undefined): Response {
    const encoder = new TextEncoder();
    const hub = this;
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(text));
        const end = () => {
          hub.#live.delete(send);
          hub.#end.delete(end);
          controller.close();
        };
        hub.#live.add(send);
        hub.#end.add(end);
        signal?.addEventListener("abort", () => {
          hub.#live.delete(send);
          hub.#end.delete(end);
          controller.error(signal.reason);
        });
        if (rows.length > 0) send([...rows, upToDate(hub.head)].map((each) => `data: ${each}\n\n`).join(""));
      },
    });
    return new Response(stream, {
      headers: { ...this.#headers(), "electric-cursor": "1", "content-type": "text/event-stream" },
    });
  }

  #headers(): Record<string, string> {
    return { "electric-handle": this.handle, "electric-offset": `${this.head}_0` };
  }

  #message({ seq, kind, id, body }: Row): string {
    const headers = { operation: body === null ? "delete" : "insert", relation: ["public", "feed"] };
    const key = `"public"."feed"/"${this.scope}"/"${kind}"/"${id}"`;
    const value = { scope: this.scope, kind, id, ...(body === null ? {} : { seq: String(seq), body }) };
    return JSON.stringify({ headers, key, value });
  }
}

function upToDate(seq: number): string {
  return JSON.stringify({ headers: { control: "up-to-date", global_last_seen_lsn: String(seq) } });
}
