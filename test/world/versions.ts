/**
 * Versions of the protocol that the programs of a world speak. Those above this program's are not released: this program says
 * that it is one of them, which shows what the numbers do, and nothing that a later version will say.
 */
export interface Versions {
  readonly hub?: number;
  readonly site?: number;
  readonly agent?: number;
}

/** What a program is given to speak as one of a version; nothing, so that it speaks as it is. */
export function speaking(protocolVersion: number | undefined): { readonly protocolVersion?: number } {
  return protocolVersion === undefined ? {} : { protocolVersion };
}
