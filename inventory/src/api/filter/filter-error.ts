import { Fault } from "@holdfast/runtime";

/** What is wrong with a filter and at which character, counted from 1. */
export class FilterError extends Fault {
  readonly position: number;
  /** What is wrong, without where. */
  readonly what: string;

  constructor(message: string, at: number) {
    super("InvalidArgument", `filter: ${message} at position ${at + 1}`);
    this.position = at + 1;
    this.what = message;
    this.name = "FilterError";
  }
}
