export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
export type Json = any;

/** A request as an operator; answers whatever came, success or not. */
export async function request(
  url: string,
  options: { method: string; token: string; body?: unknown; headers?: object; signal?: AbortSignal },
): Promise<Answer<Json>> {
  const { method, token, body, headers: more = {}, signal } = options;
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...more,
  };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(url, { method, headers, ...sent, ...(signal ? { signal } : {}) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
}

/** The body of an answer that must be a success. */
export function succeeded(asked: string, { status, body }: Answer<Json>): Json {
  if (status !== 200) throw new Error(`${asked}: ${status} ${JSON.stringify(body)}`);
  return body;
}
