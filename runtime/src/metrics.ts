/** Values of one name, in the words of Prometheus. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a histogram: which of its series it is. */
  readonly series?: "_bucket" | "_sum" | "_count";
}

/** The content type of Prometheus' text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A family in Prometheus' text format, version 0.0.4. */
export function familyText(family: MetricFamily): string {
  const lines = family.samples.map(({ labels = {}, value, series = "" }) => {
    return `${family.name}${series}${labelsText(labels)} ${valueText(value)}\n`;
  });
  return `${familyHead(family)}${lines.join("")}`;
}

/** What goes before the samples of a family. */
export function familyHead({ name, help, type }: Omit<MetricFamily, "samples">): string {
  const said = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${said}\n# TYPE ${name} ${type}\n`;
}

/** Labels in braces; nothing when there are none. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${labelValue(value)}"`);
  return all.length === 0 ? "" : `{${all.join(",")}}`;
}

/** A label's value as it stands between quotes: whatever people called something. */
export function labelValue(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** A family of what goes up and down; a number alone is its one sample. */
export function gauge(name: string, help: string, value: number | readonly MetricSample[]): MetricFamily {
  return { name, help, type: "gauge", samples: samplesOf(value) };
}

/** A family of what only grows, as long as a process lives; a number alone is its one sample. */
export function counter(name: string, help: string, value: number | readonly MetricSample[]): MetricFamily {
  return { name, help, type: "counter", samples: samplesOf(value) };
}

function samplesOf(value: number | readonly MetricSample[]): readonly MetricSample[] {
  return typeof value === "number" ? [{ value }] : value;
}

/** What this process uses, under the names that every client library of Prometheus has for it. */
export function processMetrics(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return [
    counter("process_cpu_seconds_total", "CPU time that the process has used.", (user + system) / 1e6),
    gauge("process_resident_memory_bytes", "Memory that the process has resident.", rss),
    gauge("nodejs_heap_size_used_bytes", "Memory that the JavaScript heap uses.", heapUsed),
    gauge("process_start_time_seconds", "When the process began, seconds since the epoch.", STARTED),
  ];
}

const STARTED = performance.timeOrigin / 1_000;
