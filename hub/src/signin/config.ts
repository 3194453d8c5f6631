import { type Static, Type } from "typebox";

/** What checking a password costs unless a setting says otherwise. */
export const USUAL_COST = { passwordMemoryKib: 19_456, passwordPasses: 2 } as const;

/** What passwords cost to guess: settings of the hub and of the commands that set passwords. */
export const PASSWORD_COST = {
  passwordMemoryKib: Type.Integer({
    minimum: 8,
    maximum: 1_048_576,
    default: USUAL_COST.passwordMemoryKib,
    description: "memory that checking one password takes (argon2id), KiB",
  }),
  passwordPasses: Type.Integer({
    minimum: 1,
    maximum: 20,
    default: USUAL_COST.passwordPasses,
    description: "how often checking a password goes through that memory",
  }),
};

/** Nobody stays signed in for longer. */
export const LONGEST_SESSION_HOURS = 720;

/** The hub's settings of sign-in. */
export const SIGNIN_SETTINGS = {
  publicUrl: Type.Optional(
    Type.String({
      pattern: "^https?://[A-Za-z0-9.:[\\]_-]+(/[A-Za-z0-9._~/-]*)?$",
      expects: "a URL like https://hub.example.com",
      description: "how people and programs reach the hub, for tokens; as each has reached it when not given",
      placeholder: "URL",
    }),
  ),
  accessTokenSeconds: Type.Integer({
    minimum: 10,
    maximum: 86_400,
    default: 300,
    description: "how long an access token of the hub's own issuer is good, seconds",
  }),
  refreshTokenHours: Type.Integer({
    minimum: 1,
    maximum: LONGEST_SESSION_HOURS,
    default: 10,
    description: "how long somebody stays signed in at the hub's own issuer, hours",
  }),
  ...PASSWORD_COST,
  oidcIssuer: Type.Optional(
    Type.String({
      pattern: "^https?://[^\\s?#]+$",
      expects: "a URL like https://id.example.com/realms/main",
      description: "an OpenID Connect provider whose access tokens are taken, too, as its tokens name it",
      placeholder: "URL",
    }),
  ),
  oidcAudience: Type.Optional(
    Type.String({
      minLength: 1,
      description: "the audience that the provider's tokens must be for; needed with --oidc-issuer",
      placeholder: "AUDIENCE",
    }),
  ),
  oidcRolesClaim: Type.String({
    minLength: 1,
    default: "realm_access.roles",
    description: "the claim that names roles in the provider's tokens, with dots between",
    placeholder: "CLAIM",
  }),
};

const home = Type.String({
  minLength: 1,
  default: "./.holdfast/hub",
  description: "where all state is kept",
  placeholder: "DIR",
});

const name = Type.String({
  pattern: "^[A-Za-z0-9._@-]{1,64}$",
  expects: "a name of at most 64 letters, digits and . _ @ -",
  description: "the user's name; capital and small letters are the same",
  placeholder: "NAME",
});

const passwordFile = Type.String({
  minLength: 1,
  description: "a file whose first line is the password; - reads it from the standard input",
  placeholder: "FILE",
});

const list = (initial: string, description: string) =>
  Type.String({ default: initial, description, placeholder: "LIST" });

const places = {
  projects: list("all", "names of the projects in which the roles are held, with commas between, or all"),
  organisations: list(
    "all",
    "names of the organisations in which roles of organisations are held, with commas between, or all",
  ),
};

export const UserCreateConfig = Type.Object({
  name,
  home,
  passwordFile,
  roles: list("", "roles, with commas between"),
  ...places,
  ...PASSWORD_COST,
});
export type UserCreateConfig = Static<typeof UserCreateConfig>;

export const RotateKeyConfig = Type.Object({
  home,
  forget: Type.Boolean({
    default: false,
    description: "forgets the keys before: all that they signed ends at once, and everybody signs in again",
  }),
});

export const UserPasswordConfig = Type.Object({ name, home, passwordFile, ...PASSWORD_COST });
export type UserPasswordConfig = Static<typeof UserPasswordConfig>;

export const UserRolesConfig = Type.Object({
  name,
  home,
  roles: Type.String({ minLength: 1, description: "roles, with commas between", placeholder: "LIST" }),
  ...places,
});
export type UserRolesConfig = Static<typeof UserRolesConfig>;

/** Of a command about one user. */
export const UserConfig = Type.Object({ name, home });
export type UserConfig = Static<typeof UserConfig>;
