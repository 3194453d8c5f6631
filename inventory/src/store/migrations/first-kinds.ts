import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import { kindTable, MACHINE, of, partTable, type Schema, triplet, uniqueIndex, uniqueInTenant } from "./kind-table.ts";

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
