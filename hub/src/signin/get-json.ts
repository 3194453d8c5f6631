import { seconds } from "@holdfast/runtime";

const LARGEST = 512 * 1024;
const LONGEST = seconds(5);

/** A JSON document that another server has, of bounded size and in bounded time; nobody leads it elsewhere. */
export async function getJson(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(LONGEST);
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (response.status !== 200) throw new TypeError(`${url} answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST) throw new TypeError(`${url} answers with more than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
