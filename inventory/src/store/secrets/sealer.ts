import { Fault } from "@holdfast/runtime";

/** Where a secret stands: sealed for one place, it does not open in another. */
export interface Place {
  readonly tenant: string;
  readonly id: string;
  readonly field: string;
}

/** Encrypts what a kind declares secret, before it is stored. */
export interface Sealer {
  seal(plain: string, place: Place): string;
  /** Throws FailedPrecondition naming the place when it was sealed for another place, was changed, or was never sealed. */
  open(stored: string, place: Place): string;
}

/** Of a store that was opened without a key: it holds no secret, and tells none. */
export const NO_KEY: Sealer = {
  seal(_, { field }) {
    throw new Fault("FailedPrecondition", `${field} is a secret, and here is no key to seal it by`);
  },
  open(_, { id, field }) {
    throw new Fault("FailedPrecondition", `${field} of ${id} is a secret, and here is no key to open it by`);
  },
};
