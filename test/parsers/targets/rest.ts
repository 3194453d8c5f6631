import { isDeepStrictEqual } from "node:util";
import { FARTHEST } from "@holdfast/inventory/api/query";
import { type Answered, type Asked, encoded, headerText, judged, queryText } from "../programs/answers.ts";
import { filled, type Names } from "../programs/filled.ts";
import { type Document, type RestRequest, restRequests } from "../rest-requests.ts";
import { type Input, mustHold, type Opened } from "../target.ts";

/** A program with the API, and all that can be asked for there. */
export interface Asking {
  readonly names: Names;
  readonly complaints: { none(): void };
  ask(asked: Asked): Promise<Answered>;
  /** Makes anew what requests are about, of those that are named. */
  furnish(gone: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** What it shows of a resource that changes without anybody's wish. */
const PASSING = new Set(["observation", "timestamps", "hostStatus"]);

/** An API under attack: every path of its document, asked for with what is nearly right. */
export async function openedRest(program: Asking): Promise<Opened> {
  const document = (await program.ask({ method: "GET", url: "/openapi.json" })).json as Document;
  const generate = restRequests(document);
  return {
    generate: (random) => ({ ...generate(random) }) as Input,
    async feed(input) {
      const request = filled(input, program.names) as unknown as RestRequest;
      const { method, body, text } = request;
      const payload = text ?? (body === undefined ? undefined : JSON.stringify(body));
      const path = request.path.split("/").map(encoded).join("/");
      const url = `${path}${queryText(request.query)}`;
      const as = { authorization: `Bearer ${program.names.operator}` };
      const said = Object.entries(request.headers).map(([name, value]) => [name, headerText(value)] as const);
      const headers = {
        ...as,
        ...(payload === undefined ? {} : { "content-type": "application/json" }),
        ...Object.fromEntries(said),
      };
      const answer = await program.ask({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
      program.complaints.none();
      const verdict = judged(answer);
      if (verdict === "refused") return verdict;
      // Metrics are text.
      if (String(answer.headers["content-type"]).startsWith("text/plain")) return verdict;
      mustHold(answer.json !== undefined, `it answers what is no JSON: ${answer.text.slice(0, 200)}`);
      if (method === "GET") mustHoldAsList(answer, request.query);
      if (["POST", "PUT", "PATCH"].includes(method)) await mustShow(program, { answer, path, headers: as });
      if (method === "DELETE" || request.path.endsWith("retire")) await program.furnish(namesIn(input));
      return verdict;
    },
    close: () => program.close(),
  };
}

/** What a request names, of what is made for it: the host of an instance's is of no use without it. */
function namesIn(input: Input): string[] {
  const { path } = input as { readonly path: string };
  const [name] = [...path.matchAll(/\{(\w+)\}/g)].map(([, each = ""]) => each).slice(-1);
  return name === "otherHost" || name === "instance" ? ["otherHost", "instance"] : [name ?? ""];
}

/** A list is of the size that was asked for, and says whether there is more. */
function mustHoldAsList({ json }: Answered, { pageSize }: RestRequest["query"]): void {
  const { totalElements, hasNext, ...rest } = json as Readonly<Record<string, unknown>>;
  if (typeof hasNext !== "boolean") return;
  const [list] = Object.values(rest).filter(Array.isArray);
  const most = typeof pageSize === "string" && /^[0-9]+$/.test(pageSize) ? Number(pageSize) : FARTHEST;
  mustHold((list?.length ?? 0) <= most, `a page of ${most} holds ${list?.length}`);
  mustHold(Number(totalElements) >= (list?.length ?? 0), `of ${String(totalElements)} it shows ${list?.length}`);
}

/** What was answered to a write is what is read. */
async function mustShow(
  program: Asking,
  { answer, path, headers }: { answer: Answered; path: string; headers: Readonly<Record<string, string>> },
): Promise<void> {
  const { resourceId } = answer.json as { readonly resourceId?: unknown };
  if (
    typeof resourceId !== "string" ||
    !/\/(regions|sites|hosts|os|instances|providers)(\/[a-z]+-[0-9a-f]{8})?$/.test(path)
  )
    return;
  const url = path.endsWith(resourceId) ? path : `${path}/${resourceId}`;
  const shown = await program.ask({ method: "GET", url, headers });
  program.complaints.none();
  mustHold(shown.status === 200, `${url}, just written, answers ${shown.status}: ${shown.text}`);
  mustHold(
    isDeepStrictEqual(lasting(shown.json), lasting(answer.json)),
    `${url}, just written, is ${shown.text}, and was ${answer.text}`,
  );
}

function lasting(json: unknown): unknown {
  return Object.fromEntries(Object.entries(json as object).filter(([name]) => !PASSING.has(name)));
}
