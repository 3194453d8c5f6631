import { FilterError } from "./filter-error.ts";
import { type Comparator, type Token, tokenize } from "./tokens.ts";

/** A filter as written: names and values not yet looked up. */
export type Expression =
  | { readonly is: "and" | "or"; readonly of: readonly Expression[] }
  | { readonly is: "not"; readonly of: Expression }
  | { readonly is: "compare"; readonly member: Written; readonly comparator: Comparator; readonly value: WrittenValue }
  | { readonly is: "has"; readonly member: Written };

export interface Written {
  readonly text: string;
  readonly at: number;
}

export interface WrittenValue extends Written {
  readonly quoted: boolean;
}

const DEEPEST = 32;
const KEYWORDS = new Set(["AND", "OR", "NOT"]);

/**
 * Parses a filter after AIP-160: `OR` binds tighter than `AND`, and `NOT`, or `-`, tighter than both. Nests at most 32 deep.
 * Throws FilterError.
 */
export function parseFilter(filter: string): Expression {
  const parser = new Parser(tokenize(filter));
  return parser.whole();
}

class Parser {
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#expression();
    const rest = this.#peek();
    if (rest.is === "end") return expression;
    throw new FilterError(rest.is === ")" ? "a parenthesis that was not opened" : "AND or OR is missing", rest.at);
  }

  #expression(): Expression {
    return this.#joined("AND", "and", () => this.#joined("OR", "or", () => this.#term()));
  }

  #joined(keyword: string, is: "and" | "or", part: () => Expression): Expression {
    const first = part();
    const parts = [first];
    while (this.#take("word", keyword)) parts.push(part());
    return parts.length === 1 ? first : { is, of: parts };
  }

  #term(): Expression {
    const not = this.#take("word", "NOT") ?? this.#takeMinus();
    if (not) return this.#deeper(not, () => ({ is: "not", of: this.#term() }));
    const open = this.#take("(");
    if (open) {
      const inside = this.#deeper(open, () => this.#expression());
      this.#expect(")", "a closing parenthesis");
      return inside;
    }
    return this.#restriction();
  }

  #restriction(): Expression {
    const member = this.#peek();
    if (member.is !== "word" || KEYWORDS.has(member.text)) throw new FilterError("a field name is missing", member.at);
    this.#next++;
    if (member.text === "has" && this.#take("(")) {
      const field = this.#expect("word", "a field name");
      this.#expect(")", "a closing parenthesis");
      return { is: "has", member: field };
    }
    const comparator = this.#peek();
    if (comparator.is !== "comparator") {
      throw new FilterError(`"${member.text}" alone is no condition: write field = value`, member.at);
    }
    this.#next++;
    return { is: "compare", member, comparator: comparator.text, value: this.#value() };
  }

  #value(): WrittenValue {
    const token = this.#peek();
    const bare = token.is === "word" && !KEYWORDS.has(token.text);
    if (!bare && token.is !== "quoted") throw new FilterError("a value is missing", token.at);
    this.#next++;
    return { text: token.text, at: token.at, quoted: token.is === "quoted" };
  }

  #deeper(from: Token, work: () => Expression): Expression {
    if (++this.#depth > DEEPEST) throw new FilterError(`nested deeper than ${DEEPEST}`, from.at);
    const result = work();
    this.#depth--;
    return result;
  }

  #peek(): Token {
    const token = this.#tokens[this.#next];
    if (!token) throw new RangeError("read past the end of a filter");
    return token;
  }

  #take(is: Token["is"], text?: string): Token | undefined {
    const token = this.#peek();
    if (token.is !== is || (text !== undefined && token.text !== text)) return undefined;
    this.#next++;
    return token;
  }

  /** AIP-160's other way to write NOT: what it stands before is a token of its own then. */
  #takeMinus(): Token | undefined {
    const token = this.#peek();
    if (token.is !== "word" || !token.text.startsWith("-")) return undefined;
    const rest = token.text.slice(1);
    if (rest === "") this.#next++;
    else this.#tokens[this.#next] = { is: "word", text: rest, at: token.at + 1 };
    return token;
  }

  #expect(is: Token["is"], what: string): Token {
    const token = this.#take(is);
    if (token) return token;
    throw new FilterError(`${what} is missing`, this.#peek().at);
  }
}
