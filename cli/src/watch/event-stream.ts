/** One server-sent event. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** The events in a stream of text, however it is cut. https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2.6 */
export async function* readEvents(pieces: AsyncIterable<string>): AsyncGenerator<StreamEvent> {
  let rest = "";
  let lines: string[] = [];
  for await (const piece of pieces) {
    const found = `${rest}${piece}`.split("\n");
    rest = found.pop() ?? "";
    for (const line of found) {
      if (line !== "") lines.push(line);
      else {
        const event = eventOf(lines);
        lines = [];
        if (event) yield event;
      }
    }
  }
}

function eventOf(lines: readonly string[]): StreamEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    // A line that begins with a colon only shows that the stream is alive.
    if (name === undefined || value === undefined) continue;
    const before = name === "data" ? fields.get(name) : undefined;
    fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const data = fields.get("data");
  return data === undefined ? undefined : { name: fields.get("event") ?? "message", data, id: fields.get("id") };
}
