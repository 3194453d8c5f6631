import type { HoldBody } from "@holdfast/protocol";
import type { Asking } from "../inventory.ts";
import type { View } from "../store/contract.ts";

/** Nothing disruptive is done at a site until an operator says so. */
export interface Hold extends HoldBody {
  readonly siteId: string;
}

export interface Holds {
  list(view: View, tenant: string): Promise<readonly Hold[]>;
  /** Throws NotFound when the site has no hold. */
  release(asked: Asking & { readonly tenant: string; readonly siteId: string }): Promise<void>;
}
