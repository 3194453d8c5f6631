/** What was typed cannot be meant: nothing was asked of anybody. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An answer that is a refusal, with the API's own code and sentence. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** A name such as `NotFound`; `HTTP 502` of an answer that is none of the API's. */
  readonly code: string;
  readonly status: number;

  constructor(code: string, { status, message }: { readonly status: number; readonly message: string }) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
