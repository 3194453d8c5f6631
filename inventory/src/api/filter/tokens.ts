import { FilterError } from "./filter-error.ts";

export type Comparator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** A piece of a filter; `at` is the index of its first character. */
export type Token =
  | { readonly is: "word" | "quoted"; readonly text: string; readonly at: number }
  | { readonly is: "comparator"; readonly text: Comparator; readonly at: number }
  | { readonly is: "(" | ")" | "end"; readonly text: string; readonly at: number };

const LONGEST = 1000;
// What the parameter's documented pattern allows, and the comparators that it forgot.
const ALLOWED = /[a-zA-Z0-9\-_.,:/=*(){}"' !<>]/;
const WORD = /[a-zA-Z0-9_.*/-]+/y;
const COMPARATOR = /!=|<=|>=|=|<|>/y;

/** Splits a filter into tokens, the last of them `end`. Throws FilterError. */
export function tokenize(filter: string): Token[] {
  if (filter.length > LONGEST) throw new FilterError(`longer than ${LONGEST} characters`, LONGEST);
  for (let at = 0; at < filter.length; at++) {
    if (!ALLOWED.test(filter.charAt(at))) throw new FilterError("a character that filters do not allow", at);
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < filter.length) {
    const token = filter[at] === " " ? undefined : tokenAt(filter, at);
    if (token) tokens.push(token);
    at += token ? lengthOf(token) : 1;
  }
  tokens.push({ is: "end", text: "", at: filter.length });
  return tokens;
}

function tokenAt(filter: string, at: number): Token {
  const first = filter.charAt(at);
  if (first === "(" || first === ")") return { is: first, text: first, at };
  if (first === '"' || first === "'") {
    const end = filter.indexOf(first, at + 1);
    if (end < 0) throw new FilterError(`the quote ${first} is not closed`, at);
    return { is: "quoted", text: filter.slice(at + 1, end), at };
  }
  const comparator = matchAt(COMPARATOR, filter, at);
  if (comparator) return { is: "comparator", text: comparator as Comparator, at };
  const word = matchAt(WORD, filter, at);
  if (word) return { is: "word", text: word, at };
  throw new FilterError(`"${first}" outside quotes${first === ":" ? ' (use has(…) or "=")' : ""}`, at);
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function lengthOf(token: Token): number {
  return token.is === "quoted" ? token.text.length + 2 : token.text.length;
}
