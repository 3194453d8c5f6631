/** What a client does with an answer: names and their values, as later requests use them. */
export type Variables = Map<string, string>;

/** A text in which `{name}` stands for a variable, and `{now+30}` for the epoch second half a minute from now. */
export function filled(text: string, variables: Variables, now: number): string {
  return text.replace(/\{([a-z][A-Za-z]*)([+-]\d+)?\}/g, (_, name: string, seconds?: string) => {
    if (name === "now") return String(Math.floor(now / 1000) + Number(seconds ?? 0));
    const value = variables.get(name);
    if (value === undefined) throw new Error(`nothing has said what {${name}} is`);
    return value;
  });
}

/** What is wrong with an answer by one expectation; undefined when nothing is. A capture sets its variable. */
export function shortcoming(expected: string, text: string, variables: Variables): string | undefined {
  const contained = /^contains (.+)$/.exec(expected)?.[1];
  if (contained !== undefined) return text.includes(contained) ? undefined : `lacks ${contained}`;
  const [, path = "", sign = "", wanted = ""] = /^(\S+) (=|:|has|<-) (.+)$/.exec(expected) ?? [];
  if (sign === "") throw new Error(`means nothing: ${expected}`);
  const answer: unknown = JSON.parse(text);
  if (sign === "<-") {
    const [value] = valuesAt(answer, wanted);
    if (typeof value !== "string" || value === "") return `${wanted} is ${JSON.stringify(value)}`;
    variables.set(path, value);
    return undefined;
  }
  const values = valuesAt(answer, path);
  const wrong = values.find((value) => !isAsWanted(sign, value, wanted));
  if (values.length === 0) return `${path}: there is none`;
  return values.every((value) => isAsWanted(sign, value, wanted)) ? undefined : `${path} is ${JSON.stringify(wrong)}`;
}

function isAsWanted(sign: string, value: unknown, wanted: string): boolean {
  if (sign === "=") return JSON.stringify(value) === JSON.stringify(JSON.parse(wanted));
  if (sign === "has") return Array.isArray(value) && value.length === Number(wanted);
  switch (wanted) {
    case "text":
    case "number":
    case "truth":
    case "object":
      return (
        typeof value === (wanted === "text" ? "string" : wanted === "truth" ? "boolean" : wanted) && value !== null
      );
    case "list":
      return Array.isArray(value);
    case "time":
      return typeof value === "string" && !Number.isNaN(Date.parse(value));
    default:
      throw new Error(`${wanted} is no type`);
  }
}

const STEP = /([A-Za-z0-9_-]+)|\[([^\]]*)\]|(\(jwt\))/g;

/**
 * The values at a path: `a.b`, `[0]`, `[]` for each of a list, `[name=x]` for those of a list that have that value, and
 * `(jwt)` for the claims in a token. One that is not there is undefined.
 */
function valuesAt(answer: unknown, path: string): readonly unknown[] {
  let values: readonly unknown[] = [answer];
  for (const [, name, selected, jwt] of path.matchAll(STEP)) {
    if (name !== undefined) values = values.map((value) => memberOf(value, name));
    else if (selected !== undefined) values = values.flatMap((value) => select(value, selected));
    else if (jwt !== undefined) values = values.map((value) => claimsOf(String(value)));
  }
  return values;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function select(value: unknown, selected: string): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (selected === "") return list;
  if (/^\d+$/.test(selected)) return [list[Number(selected)]];
  const [name = "", wanted] = selected.split("=");
  return list.filter((each) => memberOf(each, name) === wanted);
}

function claimsOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
}
