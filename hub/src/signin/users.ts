import { randomUUID } from "node:crypto";
import { type Act, audit, type Store, type Transaction, type View } from "@holdfast/inventory";
import { type Clock, Fault } from "@holdfast/runtime";
import { localOperator } from "../local-operator.ts";
import type { HubTables } from "../tables.ts";
import { forgiveName } from "./name-patience.ts";
import { checkPassword, type Passwords } from "./passwords.ts";
import type { RolePlace } from "./role-place.ts";
import type { UserRow } from "./tables.ts";

export interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly roles: readonly RolePlace[];
}

/** Those who sign in at the hub's own issuer. What is done with them is in the audit log. All methods but `list` throw NotFound for a name that nobody has. */
export interface Users {
  /** Throws AlreadyExists, and InvalidArgument for a password that is too short. */
  create(user: NewUser): Promise<UserRow>;
  list(): Promise<readonly ListedUser[]>;
  remove(name: string): Promise<void>;
  /** Ends what the user has signed in with the old one. */
  setPassword(name: string, password: string): Promise<void>;
  grant(name: string, roles: readonly RolePlace[]): Promise<void>;
  /** Throws NotFound, too, for a role that the user does not have there. */
  revoke(name: string, roles: readonly RolePlace[]): Promise<void>;
  /** Nobody signs in by this name until it is unlocked, and what is signed in opens nothing any more. */
  lock(name: string): Promise<void>;
  /** Takes that back, and forgives wrong passwords. */
  unlock(name: string): Promise<void>;
}

export interface ListedUser extends UserRow {
  readonly roles: readonly RolePlace[];
  /** Too many wrong passwords came for this name: nobody signs in before. */
  readonly waitsUntil: number | undefined;
}

export interface UsersParts {
  readonly store: Pick<Store, "read" | "write">;
  readonly passwords: Passwords;
  readonly clock: Pick<Clock, "now">;
}

export function createUsers({ store, passwords, clock }: UsersParts): Users {
  const tell = (tx: Transaction, name: string, act: Pick<Act, "operation" | "before" | "after">) =>
    audit(tx, { by: localOperator(), at: clock.now(), kind: "user", id: name, ...act });
  const edit = (
    name: string,
    act: Pick<Act, "before" | "after"> & Partial<Pick<Act, "operation">>,
    work: (tx: Transaction, user: UserRow) => Promise<unknown>,
  ) =>
    store.write(async (tx) => {
      const user = await userNamed(tx, name);
      if (!user) throw new Fault("NotFound", `no user is called ${name}`);
      await work(tx, user);
      await tell(tx, user.name, { operation: "update", ...act });
    });
  const update = (tx: Transaction, { id, session }: UserRow, changed: Partial<UserRow>, ends: "ends" | "goes on") =>
    tx
      .tables<HubTables>()
      .updateTable("signin_user")
      .set({ ...changed, ...(ends === "ends" ? { session: session + 1 } : {}) })
      .where("id", "=", id)
      .execute();

  return {
    async create({ name: given, password, roles }) {
      checkPassword(password);
      const hash = await passwords.hash(password);
      const name = given.toLowerCase();
      const row: UserRow = { id: randomUUID(), name, hash, session: 1, created_at: clock.now(), locked_at: null };
      await store.write(async (tx) => {
        if (await userNamed(tx, name)) throw new Fault("AlreadyExists", `a user is called ${name} already`);
        await tx.tables<HubTables>().insertInto("signin_user").values(row).execute();
        for (const role of roles) await addRole(tx, row.id, role);
        await tell(tx, name, { operation: "create", after: { roles } });
      });
      return row;
    },
    list: () =>
      store.read(async (view) => {
        const tables = view.tables<HubTables>();
        const held = tables.selectFrom("signin_role").selectAll().orderBy("role").orderBy("place");
        const roles = Map.groupBy(await held.execute(), ({ user }) => user);
        const waits = await tables.selectFrom("signin_failure").selectAll().where("until", ">", clock.now()).execute();
        const users = await tables.selectFrom("signin_user").selectAll().orderBy("name").execute();
        return users.map((user) => ({
          ...user,
          roles: roles.get(user.id) ?? [],
          waitsUntil: waits.find(({ name }) => name === user.name)?.until,
        }));
      }),
    remove: (name) =>
      edit(name, { operation: "delete" }, async (tx, { id, name: known }) => {
        await tx.tables<HubTables>().deleteFrom("signin_role").where("user", "=", id).execute();
        await tx.tables<HubTables>().deleteFrom("signin_user").where("id", "=", id).execute();
        await forgiveName(tx, known);
      }),
    async setPassword(name, password) {
      checkPassword(password);
      const hash = await passwords.hash(password);
      await edit(name, { after: { password: "another" } }, (tx, user) => update(tx, user, { hash }, "ends"));
    },
    grant: (name, roles) =>
      edit(name, { after: { roles } }, async (tx, { id }) => {
        for (const role of roles) await addRole(tx, id, role);
      }),
    revoke: (name, roles) =>
      edit(name, { before: { roles } }, async (tx, { id }) => {
        for (const { role, place } of roles) {
          const { numDeletedRows } = await tx
            .tables<HubTables>()
            .deleteFrom("signin_role")
            .where("user", "=", id)
            .where("role", "=", role)
            .where("place", "=", place)
            .executeTakeFirst();
          if (numDeletedRows === 0n) throw new Fault("NotFound", `${name} does not have ${role} there`);
        }
      }),
    lock: (name) =>
      edit(name, { after: { locked: true } }, (tx, user) => update(tx, user, { locked_at: clock.now() }, "ends")),
    unlock: (name) =>
      edit(name, { after: { locked: false } }, async (tx, user) => {
        await update(tx, user, { locked_at: null }, "goes on");
        await forgiveName(tx, user.name);
      }),
  };
}

/** The user of a name, however it is written; undefined when there is none. */
export function userNamed(view: Pick<View, "tables">, name: string): Promise<UserRow | undefined> {
  return view
    .tables<HubTables>()
    .selectFrom("signin_user")
    .selectAll()
    .where("name", "=", name.toLowerCase())
    .executeTakeFirst();
}

export function rolesOf(view: Pick<View, "tables">, user: string): Promise<RolePlace[]> {
  return view
    .tables<HubTables>()
    .selectFrom("signin_role")
    .select(["role", "place"])
    .where("user", "=", user)
    .orderBy("role")
    .orderBy("place")
    .execute();
}

async function addRole(tx: Transaction, user: string, { role, place }: RolePlace): Promise<void> {
  await tx
    .tables<HubTables>()
    .insertInto("signin_role")
    .values({ user, role, place })
    .onConflict((on) => on.columns(["user", "role", "place"]).doNothing())
    .execute();
}
