import type { Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Comparison, Condition, Literal } from "../../store/condition.ts";
import { isWholeId, type Member, type Members, membersOf } from "../members.ts";
import { FilterError } from "./filter-error.ts";
import { type Expression, parseFilter, type Written, type WrittenValue } from "./parse.ts";

const MOST_STEPS = 5;

const EXACT = {
  "=": "equal",
  "!=": "not-equal",
  "<": "less",
  "<=": "at-most",
  ">": "greater",
  ">=": "at-least",
} as const;

type Value = Extract<Member, { is: "value" }>;
type Comparing = Extract<Expression, { is: "compare" }>;

/**
 * What a filter over a kind means. Texts are compared by "contains"; numbers, booleans and enumerations exactly; `""`
 * and `null` match what is unset, and a status that nobody has reported yet is. Throws FilterError, for a field that the
 * kind does not have too.
 */
export function readFilter(kind: Kind, filter: string): Condition {
  return resolve(kind, parseFilter(filter));
}

/**
 * What `field:value` means: that the field is exactly this value, and unset when it is empty. Throws InvalidArgument naming
 * the parameter.
 */
export function readMatch(kind: Kind, match: string): Condition {
  const colon = match.indexOf(":");
  if (colon < 1) throw new Fault("InvalidArgument", `match: "${match}" is not field:value`);
  const [field, value] = [match.slice(0, colon), match.slice(colon + 1)];
  try {
    const { path, member } = lookUp(kind, { text: field, at: 0 });
    if (value === "") return { is: "not", of: { is: "has", path } };
    if (member.is !== "value" || member.type === "json") throw new FilterError(`"${field}" has no value of its own`, 0);
    return { is: "compare", path, operator: "equal", value: literalOf(member, { text: value, at: 0, quoted: true }) };
  } catch (error) {
    throw error instanceof FilterError ? new Fault("InvalidArgument", `match: ${error.what}`) : error;
  }
}

function resolve(kind: Kind, expression: Expression): Condition {
  switch (expression.is) {
    case "and":
    case "or":
      return { is: expression.is, of: expression.of.map((part) => resolve(kind, part)) };
    case "not":
      return { is: "not", of: resolve(kind, expression.of) };
    case "has":
      return isSet(lookUp(kind, expression.member));
    case "compare":
      return comparison(kind, expression);
  }
}

interface Found {
  readonly path: readonly string[];
  readonly member: Member;
}

/** Follows a dotted name through references and parts; at most five steps before the field itself. */
function lookUp(kind: Kind, written: Written): Found {
  const names = written.text.split(".");
  if (names.length > MOST_STEPS + 1) {
    throw new FilterError(`"${written.text}" goes through more than ${MOST_STEPS} resources`, written.at);
  }
  let members: Members | undefined = membersOf(kind);
  const path: string[] = [];
  let member: Member | undefined;
  for (const name of names) {
    if (member) path.push(member.name);
    member = members?.get(name);
    if (!member) throw new FilterError(`unknown field "${written.text}"`, written.at);
    members = within(member);
  }
  if (!member) throw new FilterError("a field name is missing", written.at);
  path.push(member.is === "resource" ? member.field : member.name);
  return { path, member };
}

function within(member: Member): Members | undefined {
  if (member.is === "parts") return member.members;
  return member.is === "resource" && member.kind ? membersOf(member.kind) : undefined;
}

function comparison(kind: Kind, { member: written, comparator, value }: Comparing): Condition {
  const { path, member } = lookUp(kind, written);
  if (isUnset(value, member)) {
    const exists = isSet({ path, member });
    if (comparator === "=") return { is: "not", of: exists };
    if (comparator === "!=") return exists;
    throw new FilterError(`what is unset can be compared with = and != only`, value.at);
  }
  if (member.is !== "value") {
    throw new FilterError(`"${written.text}" is not a value: compare a field of it, or write has(…)`, written.at);
  }
  const literal = literalOf(member, value);
  if (comparator === "=" || comparator === "!=") {
    const same: Condition = { is: "compare", path, operator: sameness(member, literal), value: literal };
    return comparator === "=" ? same : { is: "not", of: same };
  }
  if (member.type === "enumeration" || member.type === "boolean" || member.type === "json") {
    throw new FilterError(`"${written.text}" can be compared with = and != only`, written.at);
  }
  return { is: "compare", path, operator: EXACT[comparator], value: literal };
}

function isSet({ path, member }: Found): Condition {
  const exists: Condition = { is: "has", path };
  if (member.is !== "value" || member.untold === undefined) return exists;
  const untold: Condition = { is: "compare", path, operator: "equal", value: member.untold };
  return { is: "and", of: [exists, { is: "not", of: untold }] };
}

function isUnset(value: WrittenValue, member: Member): boolean {
  if (!value.quoted) return value.text === "null";
  return value.text === "" && (member.is !== "value" || member.type !== "enumeration");
}

function sameness(member: Value, literal: Literal): Comparison {
  if (member.type === "id") return isWholeId(String(literal)) ? "equal" : "contains"; // an index can answer the first
  return member.type === "text" || member.type === "json" ? "contains" : "equal";
}

function literalOf(member: Value, { text, at }: WrittenValue): Literal {
  switch (member.type) {
    case "id":
    case "text":
    case "json":
      return text;
    case "enumeration":
      if (member.values?.includes(text)) return text;
      throw new FilterError(`"${text}" is none of the values of ${member.name}`, at);
    case "boolean":
      if (text === "true" || text === "false") return text === "true";
      throw new FilterError(`${member.name} is true or false`, at);
    case "integer": {
      const number = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (Number.isSafeInteger(number)) return number;
      throw new FilterError(`${member.name} is a whole number`, at);
    }
    case "time": {
      const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) ? Date.parse(text) : Number.NaN;
      if (Number.isFinite(time)) return time;
      throw new FilterError(`${member.name} is a time such as 2026-11-23T08:00:00Z`, at);
    }
  }
}
