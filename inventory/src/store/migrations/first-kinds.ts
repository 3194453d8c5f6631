import { type CreateTableBuilder, type Kysely, type RawBuilder, sql } from "kysely";
import type { Migration } from "kysely/migration";

type Schema = Kysely<unknown>;
type Columns = Readonly<Record<string, "text" | "integer">>;

/** Every integer has 64 bits in both dialects: SQLite reads `bigint` as INTEGER. */
const STORED = { text: "text", integer: "bigint" } as const;

function of(type: "text" | "integer", names: string): Columns {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, type]),
  );
}

interface Reference {
  readonly column: string;
  readonly to: string;
}

async function kindTable(db: Schema, name: string, columns: Columns, references: readonly Reference[]): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable(name)
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenant.tenant_id"))
    .addColumn("resource_id", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("generation", "bigint", (column) => column.notNull())
    .addColumn("stamps", "text", (column) => column.notNull())
    .addColumn("creation", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint(`${name}_key`, ["tenant_id", "resource_id"])
    .addUniqueConstraint(`${name}_creation`, ["tenant_id", "creation"]);
  for (const [column, type] of Object.entries(columns)) table = table.addColumn(column, STORED[type]);
  for (const { column, to } of references) {
    const target = ["tenant_id", "resource_id"];
    table = table.addForeignKeyConstraint(`${name}_${column}`, ["tenant_id", column], to, target);
  }
  await table.execute();
  for (const { column } of references) {
    // With the id: the planner otherwise prefers to walk the primary key, for a list is ordered by it.
    const columns = ["tenant_id", column, "resource_id"];
    await db.schema.createIndex(`${name}_by_${column}`).on(name).columns(columns).execute();
  }
}

interface UniqueSet {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly where: RawBuilder<unknown>;
}

async function uniqueIndex(db: Schema, { name, table, columns, where }: UniqueSet): Promise<void> {
  const list = sql.join(columns.map((column) => sql.ref(column)));
  await sql`create unique index ${sql.ref(name)} on ${sql.table(table)} (${list}) where ${where}`.execute(db);
}

/** No two of a tenant share these values; an empty one does not count. */
function uniqueInTenant(db: Schema, table: string, columns: readonly string[]): Promise<void> {
  const where = sql.join(
    columns.map((column) => sql`${sql.ref(column)} <> ''`),
    sql` and `,
  );
  const name = `${table}_unique_${columns.join("_")}`;
  return uniqueIndex(db, { name, table, columns: ["tenant_id", ...columns], where });
}

async function partTable(db: Schema, name: string, columns: Columns): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable(name)
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("host_id", "text", (column) => column.notNull())
    .addColumn("position", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint(`${name}_key`, ["tenant_id", "host_id", "position"])
    .addForeignKeyConstraint(
      `${name}_host`,
      ["tenant_id", "host_id"],
      "host",
      ["tenant_id", "resource_id"],
      (constraint) => constraint.onDelete("cascade"),
    );
  for (const [column, type] of Object.entries(columns)) table = table.addColumn(column, STORED[type]);
  await table.execute();
}

const MACHINE: Columns = {
  ...of("text", "owner_site observed_by"),
  ...of("integer", "observed_generation observed_at"),
};

function triplet(name: string): Columns {
  return { ...of("text", `${name} ${name}_indicator`), ...of("integer", `${name}_timestamp`) };
}

async function host(db: Schema): Promise<void> {
  const columns = {
    ...MACHINE,
    ...of("text", "name desired_state current_state site_id provider_id note serial_number uuid"),
    ...of("integer", "uuid_derived memory_bytes cpu_sockets cpu_cores cpu_threads power_on_time user_lvm_size"),
    ...of("text", "cpu_model cpu_capabilities cpu_architecture cpu_topology bmc_kind bmc_ip hostname product_name"),
    ...of("text", "bios_version bios_release_date bios_vendor desired_power_state current_power_state"),
    ...of("text", "power_command_policy amt_sku desired_amt_state current_amt_state amt_control_mode amt_dns_suffix"),
    ...of("text", "kvm_status desired_kvm_state current_kvm_state kvm_session_status"),
    ...of("text", "sol_status desired_sol_state current_sol_state sol_session_status metadata"),
    ...triplet("power_status"),
    ...triplet("host_status"),
    ...triplet("onboarding_status"),
    ...triplet("registration_status"),
    ...triplet("amt_status"),
  };
  await kindTable(db, "host", columns, [
    { column: "site_id", to: "site" },
    { column: "provider_id", to: "provider" },
    { column: "owner_site", to: "site" },
  ]);
  await uniqueIndex(db, { name: "host_unique_uuid", table: "host", columns: ["uuid"], where: sql`uuid <> ''` });
  await uniqueIndex(db, {
    name: "host_unique_serial_number",
    table: "host",
    columns: ["tenant_id", "serial_number"],
    where: sql`serial_number <> '' and (uuid is null or uuid = '')`,
  });
  // A search by value cannot use an index that leaves some values out.
  await db.schema.createIndex("host_by_uuid").on("host").columns(["uuid"]).execute();
  await db.schema.createIndex("host_by_serial_number").on("host").columns(["serial_number"]).execute();
  await partTable(db, "host_nic", {
    ...of("text", "device_name pci_identifier mac_addr link_state ipaddresses"),
    ...of("integer", "sriov_enabled sriov_vfs_num sriov_vfs_total mtu bmc_interface"),
  });
  await partTable(db, "host_storage", {
    ...of("text", "wwid serial vendor model device_name"),
    ...of("integer", "capacity_bytes"),
  });
  await partTable(db, "host_usb", {
    ...of("text", "id_vendor id_product class serial device_name"),
    ...of("integer", "bus addr"),
  });
  await partTable(db, "host_gpu", of("text", "pci_id product vendor description device_name capabilities"));
}

async function instance(db: Schema): Promise<void> {
  const columns = {
    ...MACHINE,
    ...of("text", "kind name desired_state current_state host_id os_id local_account_id os_update_policy_id"),
    ...of("text", "custom_config_id security_feature instance_status_detail existing_cves runtime_packages"),
    ...of("text", "os_update_available"),
    ...triplet("instance_status"),
    ...triplet("provisioning_status"),
    ...triplet("update_status"),
    ...triplet("trusted_attestation_status"),
  };
  await kindTable(db, "instance", columns, [
    { column: "host_id", to: "host" },
    { column: "os_id", to: "operating_system" },
    { column: "owner_site", to: "site" },
  ]);
  await uniqueInTenant(db, "instance", ["host_id"]);
}

/** Tables of the kinds that the hub began with. Never changed; what comes later is a migration of its own. */
export const firstKinds: Migration = {
  async up(db: Schema) {
    await db.schema
      .createTable("tenant")
      .addColumn("tenant_id", "text", (column) => column.notNull().primaryKey())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .execute();
    await kindTable(db, "region", of("text", "name parent_id metadata"), [{ column: "parent_id", to: "region" }]);
    const provider = of("text", "provider_kind provider_vendor name api_endpoint api_credentials config");
    await kindTable(db, "provider", provider, []);
    await uniqueInTenant(db, "provider", ["name"]);
    const site = { ...of("text", "name region_id provider_id metadata"), ...of("integer", "site_lat site_lng") };
    await kindTable(db, "site", site, [
      { column: "region_id", to: "region" },
      { column: "provider_id", to: "provider" },
    ]);
    const operatingSystem = {
      ...of("text", "name architecture image_url image_id description sha256 profile_name profile_version"),
      ...of("text", "installed_packages installed_packages_url security_feature os_type os_provider platform_bundle"),
      ...of("text", "metadata tls_ca_cert existing_cves_url existing_cves fixed_cves_url fixed_cves repo_url"),
    };
    await kindTable(db, "operating_system", operatingSystem, []);
    await uniqueInTenant(db, "operating_system", ["name"]);
    await uniqueInTenant(db, "operating_system", ["profile_name", "image_id"]);
    await host(db);
    await instance(db);
  },
};
