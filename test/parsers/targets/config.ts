import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { AgentConfig } from "@holdfast/agent/config";
import { administer, COMMANDS, splitCommand } from "@holdfast/hub/administer";
import { HubConfig } from "@holdfast/hub/config";
import { type ConfigSchema, type ConfigSources, Fault, readConfig } from "@holdfast/runtime";
import { SiteConfig } from "@holdfast/site-node/config";
import { NUMBERS, TEXTS } from "../mutate/interesting.ts";
import { mutateJson } from "../mutate/json.ts";
import { mutateText } from "../mutate/text.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";

interface Program {
  readonly words: readonly string[];
  readonly schema: ConfigSchema;
  readonly operands: readonly string[];
}

const PROGRAMS: readonly Program[] = [
  ...[HubConfig, SiteConfig, AgentConfig].map((schema) => ({ words: [], schema, operands: [] })),
  ...Object.entries(COMMANDS).map(([name, { schema, operands }]) => ({ words: name.split(" "), schema, operands })),
];

/** Stands for the path of the file that is written for an input. */
const FILE = "{file}";

interface Given {
  readonly program: number;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly file: string;
}

function valueFor(random: Random, property: object): string {
  const { type, minimum = 0, anyOf } = property as { type?: string; minimum?: number; anyOf?: { const: string }[] };
  if (random.chance(0.15)) return random.chance(0.5) ? random.pick(TEXTS) : String(random.pick(NUMBERS));
  if (type === "integer") return String(minimum + random.small(10));
  if (type === "boolean") return random.pick(["true", "false"]);
  if (anyOf) return random.pick(anyOf).const;
  return random.pick([
    ...["./home", "http://127.0.0.1:8080", "site-0a1b2c3d", "token-0123456789abcdef", "127.0.0.1", "::1", "default"],
    ...["0a1b-2c3d-4e5f-6071-8293", "/tmp/x y", "all", "a,b"],
  ]);
}

function made(random: Random): Given {
  const program = random.below(PROGRAMS.length);
  const { schema, words, operands } = PROGRAMS[program] as Program;
  const properties = Object.entries(schema.properties);
  const flags: string[] = [];
  const environment: Record<string, string> = {};
  const file: Record<string, Input> = {};
  for (const [name, property] of properties) {
    const needed = schema.required?.includes(name) === true && !("default" in property);
    if (!needed && random.chance(0.6)) continue;
    const value = valueFor(random, property);
    const isFlag = (property as { type?: string }).type === "boolean";
    const way = random.below(10);
    if (operands.includes(name) && way < 6) flags.push(value);
    else if (way < 7)
      flags.push(
        ...(isFlag
          ? [`--${kebab(name)}`]
          : random.chance(0.5)
            ? [`--${kebab(name)}=${value}`]
            : [`--${kebab(name)}`, value]),
      );
    else if (way < 8) environment[variable(name)] = value;
    else file[name] = random.chance(0.5) ? value : asJson(value);
  }
  const text = JSON.stringify(random.chance(0.2) ? mutateJson(random, file) : file);
  if (Object.keys(file).length > 0) flags.push("--config", FILE);
  const rough = random.chance(0.3) ? roughened(random, flags) : flags;
  return {
    program,
    arguments: [...(random.chance(0.03) ? words.slice(1) : words), ...rough],
    environment,
    file: random.chance(0.05) ? mutateText(random, text) : text,
  };
}

function roughened(random: Random, flags: readonly string[]): string[] {
  const more = [
    "--",
    "-",
    "--help",
    "--config",
    "--config=/nowhere",
    "-x",
    "--home",
    "--no-force",
    "backup",
    "--__proto__=1",
    ...TEXTS,
  ];
  if (flags.length === 0) return [random.pick(more)];
  const at = random.below(flags.length);
  if (random.chance(0.3)) return [...flags.slice(0, at), random.pick(more), ...flags.slice(at)];
  return flags.flatMap((flag, index) =>
    index === at ? (random.chance(0.3) ? [] : [mutateText(random, flag)]) : [flag],
  );
}

function asJson(value: string): Input {
  return /^[0-9]{1,15}$/.test(value) ? Number(value) : value === "true" || (value === "false" ? false : value);
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variable(name: string): string {
  return `HOLDFAST_${kebab(name).replaceAll("-", "_").toUpperCase()}`;
}

/** The same settings, told by flags alone. */
function asFlags(config: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    if (typeof value === "boolean") return value ? [`--${kebab(name)}`] : [];
    return [`--${kebab(name)}=${String(value)}`];
  });
}

/** Settings by flags, environment and file, and the words of commands: what main.ts hands over, and nothing is run. */
export const CONFIG: Target = {
  name: "config",
  about: "settings of programs and commands are what flags alone would make of them, or an InvalidArgument",
  open: async () => {
    const path = `${tmpdir()}/config.json`;
    return {
      generate: (random) => ({ ...made(random) }),
      async feed(input) {
        const { program, environment, file, ...given } = input as unknown as Given;
        writeFileSync(path, file);
        const sources = { arguments: given.arguments.map((each) => (each === FILE ? path : each)), environment };
        try {
          const { schema, operands, config } = await read(PROGRAMS[program] as Program, sources);
          const again = readConfig(schema, { arguments: asFlags(config), environment: {}, operands });
          mustHold(isDeepStrictEqual(again, config), `told by flags it is ${JSON.stringify(again)}`);
          mustHold(Object.isFrozen(config), "the settings can be changed");
          return "accepted";
        } catch (error) {
          if (error instanceof Fault && error.code === "InvalidArgument" && error.message !== "") return "refused";
          throw error;
        }
      },
    };
  },
};

async function read({ words, schema, operands }: Program, sources: ConfigSources) {
  if (words.length === 0) return { schema, operands, config: readConfig(schema, sources) as Record<string, unknown> };
  const { command, options } = splitCommand(sources.arguments);
  const found = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!found && command !== "run") await administer(command, { ...sources, arguments: options });
  const chosen = found ?? { schema: HubConfig, operands: [] };
  const of = { schema: chosen.schema, operands: chosen.operands };
  return {
    ...of,
    config: readConfig(of.schema, { ...sources, arguments: options, operands: of.operands }) as Record<string, unknown>,
  };
}
