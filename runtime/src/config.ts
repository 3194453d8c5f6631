import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Static, TObject, TProperties, TSchema } from "typebox";
import { Value } from "typebox/value";
import { Fault, messageOf } from "./errors.ts";

/**
 * A program's settings are one TypeBox object: every property has a `description` and, unless it is optional, a
 * `default`. From it come the flags (`hubPort` is `--hub-port`), the variables (`HOLDFAST_HUB_PORT`), the help text and
 * the table in the documentation.
 */
export type ConfigSchema = TObject<TProperties>;

export interface ConfigSources {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settings that are also told by what stands without a flag, in this order. */
  readonly operands?: readonly string[];
}

/**
 * The settings: flags first, then `HOLDFAST_*`, then the JSON file that `--config` names, then defaults. Checked once
 * and frozen. Throws InvalidArgument naming the setting and where it came from.
 */
export function readConfig<S extends ConfigSchema>(schema: S, sources: ConfigSources): Readonly<Static<S>> {
  const { operands = [] } = sources;
  const flags = readFlags(schema, sources.arguments, operands);
  const variables = readEnvironment(schema, sources.environment);
  const file = readFile(schema, flags.config?.value ?? sources.environment.HOLDFAST_CONFIG);
  const config: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const given = flags[name] ?? variables[name] ?? file[name];
    if (given !== undefined) config[name] = check(property, given);
    else if ("default" in property) config[name] = property.default;
    else if (schema.required?.includes(name)) {
      const asked = operands.includes(name) ? placeholder(property) : `--${kebab(name)}`;
      throw new Fault("InvalidArgument", `${asked} is needed: ${describe(property)}`);
    }
  }
  return Object.freeze(config) as Readonly<Static<S>>;
}

/** The help text of a program: usage, what it does, every setting with its type, default and variable. */
export function helpText(command: string, purpose: string, schema: ConfigSchema, more = ""): string {
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const shown = isBoolean(property) ? `--${kebab(name)}` : `--${kebab(name)} ${placeholder(property)}`;
    const initial = "default" in property && property.default !== "" ? ` [${String(property.default)}]` : "";
    return { shown, text: `${describe(property)}${initial} (${variable(name)})` };
  });
  rows.push({
    shown: "--config FILE",
    text: "a JSON file with settings by their names in camelCase (HOLDFAST_CONFIG)",
  });
  rows.push({ shown: "--help", text: "this text" });
  const width = Math.max(...rows.map((row) => row.shown.length));
  const lines = rows.map((row) => `  ${row.shown.padEnd(width)}  ${row.text}`);
  return [`usage: ${command} [options]`, "", purpose, "", "Options:", ...lines, ...(more ? ["", more] : []), ""].join(
    "\n",
  );
}

/** The rows of a documentation table, in Markdown: flag, variable, default, meaning. */
export function settingsTable(schema: ConfigSchema): string {
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const initial = "default" in property && property.default !== "" ? `\`${String(property.default)}\`` : "";
    return `| \`--${kebab(name)}\` | \`${variable(name)}\` | ${initial} | ${describe(property)} |`;
  });
  return ["| flag | variable | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

interface Given {
  readonly value: string;
  readonly from: string;
}

type GivenSettings = Partial<Record<string, Given>>;

function readFlags(schema: ConfigSchema, list: readonly string[], operands: readonly string[]): GivenSettings {
  const options: Record<string, { type: "string" | "boolean" }> = { config: { type: "string" } };
  for (const [name, property] of Object.entries(schema.properties)) {
    options[kebab(name)] = { type: isBoolean(property) ? "boolean" : "string" };
  }
  let values: Record<string, unknown>;
  let positionals: string[];
  try {
    const allowPositionals = operands.length > 0;
    ({ values, positionals } = parseArgs({ args: [...list], options, strict: true, allowPositionals }));
  } catch (cause) {
    throw new Fault("InvalidArgument", `${messageOf(cause)} (--help lists the options)`, { cause });
  }
  const given: GivenSettings = {};
  for (const name of [...Object.keys(schema.properties), "config"]) {
    const value = values[kebab(name)];
    if (value !== undefined) given[name] = { value: String(value), from: `--${kebab(name)}` };
  }
  for (const [at, value] of positionals.entries()) {
    const name = operands[at];
    if (name === undefined) throw new Fault("InvalidArgument", `"${value}" is one too many (--help lists the options)`);
    if (given[name]) throw new Fault("InvalidArgument", `--${kebab(name)} is told twice`);
    given[name] = { value, from: placeholder(schema.properties[name] ?? {}) };
  }
  return given;
}

function readEnvironment(schema: ConfigSchema, environment: ConfigSources["environment"]): GivenSettings {
  const given: GivenSettings = {};
  for (const name of Object.keys(schema.properties)) {
    const value = environment[variable(name)];
    if (value !== undefined) given[name] = { value, from: variable(name) };
  }
  return given;
}

function readFile(schema: ConfigSchema, path: string | undefined): GivenSettings {
  if (path === undefined) return {};
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Fault("InvalidArgument", `--config ${path}: ${messageOf(cause)}`, { cause });
  }
  if (content === null || typeof content !== "object" || Array.isArray(content)) {
    throw new Fault("InvalidArgument", `--config ${path}: not a JSON object`);
  }
  const given: GivenSettings = {};
  for (const [name, value] of Object.entries(content)) {
    if (!Object.hasOwn(schema.properties, name)) {
      throw new Fault("InvalidArgument", `--config ${path}: no setting is called ${name}`);
    }
    if (!["string", "number", "boolean"].includes(typeof value)) {
      throw new Fault("InvalidArgument", `${name} in ${path} is no text, number, true or false`);
    }
    given[name] = { value: String(value), from: `${name} in ${path}` };
  }
  return given;
}

function check(property: TSchema, { value, from }: Given): unknown {
  const converted = Value.Convert(property, value);
  // A conversion makes 1 of "1.5" and 16 of "0x10"; text stays what it is.
  if (Value.Check(property, converted) && String(converted) === value) return converted;
  throw new Fault("InvalidArgument", `${from}: "${value}" is not ${expected(property)}`);
}

function expected(property: TSchema): string {
  const known = property as {
    type?: string;
    minimum?: number;
    maximum?: number;
    enum?: unknown[];
    pattern?: string;
    expects?: string;
    minLength?: number;
  };
  if (known.expects !== undefined) return known.expects;
  const variants = (property as { anyOf?: { const?: unknown }[] }).anyOf?.map((variant) => variant.const);
  if (variants) return `one of ${variants.join(", ")}`;
  if (known.type === "integer" && known.minimum !== undefined && known.maximum !== undefined) {
    return `a whole number from ${known.minimum} to ${known.maximum}`;
  }
  if (known.minLength !== undefined && known.pattern === undefined) return "a text that is not empty";
  if (known.pattern) return `text matching ${known.pattern}`;
  return `a ${known.type ?? "valid value"}`;
}

function placeholder(property: TSchema): string {
  const known = property as { type?: string; placeholder?: string };
  return known.placeholder ?? (known.type === "integer" || known.type === "number" ? "N" : "TEXT");
}

function describe(property: TSchema): string {
  return (property as { description?: string }).description ?? "";
}

function isBoolean(property: TSchema): boolean {
  return (property as { type?: string }).type === "boolean";
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variable(name: string): string {
  return `HOLDFAST_${kebab(name).replaceAll("-", "_").toUpperCase()}`;
}
