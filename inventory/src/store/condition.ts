/**
 * What a list is narrowed by: the meaning of a filter, apart from how it was written and from how a database asks it.
 * A path names a field of the kind (`hostStatus`), or goes on through what it refers to (`site`, `region`, `name`) or
 * through its components (`hostNics`, `macAddr`).
 */
export type Condition =
  | { readonly is: "and" | "or"; readonly of: readonly Condition[] }
  | { readonly is: "not"; readonly of: Condition }
  | { readonly is: "compare"; readonly path: readonly string[]; readonly operator: Comparison; readonly value: Literal }
  /** The field has a value: a reference is set, a text is not empty. */
  | { readonly is: "has"; readonly path: readonly string[] }
  /** The machine that the path leads to, the empty one to the resource itself, is one of a silent site. */
  | { readonly is: "unseen"; readonly path: readonly string[] };

/** `contains` is case-insensitive, with `*` in the value standing for anything. The others compare whole values. */
export type Comparison = "contains" | "equal" | "not-equal" | "less" | "at-most" | "greater" | "at-least";

export type Literal = string | number | boolean | null;
