import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { administer } from "../administer.ts";
import { startTestHub, type TestHub } from "../hub-harness.ts";

/** What checking a password costs in tests: next to nothing. */
export const CHEAP = { passwordMemoryKib: 8, passwordPasses: 1 } as const;

export const PASSWORD = "correct horse battery";

/** A test hub, and what is about those who sign in at it. */
export interface SigninHub extends TestHub {
  /** Runs a command beside the hub. */
  run(command: string, ...options: string[]): Promise<string>;
  /** Makes a user with these roles, in all projects unless told otherwise. */
  user(name: string, roles: string, ...options: string[]): Promise<string>;
  /** Asks the token endpoint; the body is a form. */
  token(form: Readonly<Record<string, string>>, path?: string): Promise<TokenEndpointAnswer>;
  signIn(name: string, password?: string): Promise<TokenEndpointAnswer>;
}

export interface TokenEndpointAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
  readonly body: any;
}

/** A hub whose users sign in by cheap passwords. */
export async function startSigninHub(settings: Parameters<typeof startTestHub>[0] = {}): Promise<SigninHub> {
  const hub = await startTestHub({ ...CHEAP, ...settings });
  const file = join(hub.home, "password");
  writeFileSync(file, `${PASSWORD}\n`);
  const run = (command: string, ...options: string[]) =>
    administer(command, { arguments: [...options, "--home", hub.home], environment: {} });
  const cheap = ["--password-memory-kib", "8", "--password-passes", "1"];
  const token: SigninHub["token"] = async (form, path = "token") => {
    const url = `${hub.url}/realms/master/protocol/openid-connect/${path}`;
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  const added: Pick<SigninHub, "run" | "token" | "user" | "signIn"> = {
    run,
    token,
    user: (name, roles, ...options) =>
      run("user create", name, "--password-file", file, "--roles", roles, ...cheap, ...options),
    signIn: (username, password = PASSWORD) =>
      token({ client_id: "system-client", grant_type: "password", username, password }),
  };
  // The hub's own members are looked up when they are asked for: a restart changes them.
  return Object.assign(Object.create(hub, {}), added);
}
