/** A resource that every project begins with. */
export interface Default {
  /** In the journal of a project's creation; a name is for ever. */
  readonly step: string;
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Collector = "HOST" | "CLUSTER";

function group(kind: "logs" | "metrics", collector: Collector, name: string, groups: readonly string[]): Default {
  const collectorKind = `TELEMETRY_COLLECTOR_KIND_${collector}`;
  const fields = { name, collectorKind, groups };
  return { step: `telemetry_${kind}_group ${name}`, kind: `telemetry_${kind}_group`, fields };
}

/**
 * What an EIM of the last release gives every tenant, by the same names. The sources of logs are tags of Fluent Bit, those of
 * metrics inputs of Telegraf.
 */
export const DEFAULTS: readonly Default[] = [
  {
    step: "provider infra_onboarding",
    kind: "provider",
    fields: {
      name: "infra_onboarding",
      providerKind: "PROVIDER_KIND_BAREMETAL",
      apiEndpoint: "holdfast",
      config: '{"autoProvision":false}',
    },
  },
  group("logs", "CLUSTER", "Container_Cluster", ["container"]),
  group("logs", "CLUSTER", "RKE_Cluster", ["kubelet", "rke2-server", "rke2-agent"]),
  group("logs", "CLUSTER", "Opentelemetry_Cluster", ["opentelemetry"]),
  group("logs", "HOST", "SystemD", ["systemd"]),
  group("logs", "HOST", "Agents", ["holdfast-agent", "installer", "apt"]),
  group("logs", "HOST", "Opentelemetry", ["opentelemetry"]),
  group("metrics", "CLUSTER", "K8s_Stat_Cluster", ["kube_inventory", "kubernetes"]),
  group("metrics", "CLUSTER", "Opentelemetry_Cluster", ["opentelemetry"]),
  group("metrics", "HOST", "Disk_Usage_and_Health", ["disk", "diskio", "smart"]),
  group("metrics", "HOST", "Network_Usage", ["net", "netstat"]),
  group("metrics", "HOST", "Ipmi_Sensor", ["ipmi_sensor"]),
  group("metrics", "HOST", "GPU_Usage", ["intel_gpu_top", "nvidia_smi"]),
  group("metrics", "HOST", "Reliability_Availability_Serviceability", ["ras"]),
  group("metrics", "HOST", "Power_Usage_And_Temperature", ["temp", "intel_powerstat"]),
];
