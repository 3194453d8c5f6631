/** One model for each tenth of the hosts. */
export const MODELS = Array.from({ length: 10 }, (_, number) => `Edge Server ${number}`);

/** When the machines of a seed were last seen, in milliseconds. */
export const OBSERVED_AT = 1_790_000_000_000;

/** What a site says of a plain server with two ports and a disk. */
export function observedOf(number: number): Record<string, unknown> {
  const digits = number.toString(16).padStart(6, "0");
  const nic = (port: number) => ({
    deviceName: `eth${port}`,
    macAddr: `02:0${port}:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`,
    pciIdentifier: `0000:3${port}:00.0`,
    mtu: 1500,
    linkState: { type: "NETWORK_INTERFACE_LINK_STATE_UP" },
  });
  return {
    currentState: "HOST_STATE_ONBOARDED",
    hostname: `edge-${number}`,
    productName: MODELS[number % MODELS.length],
    cpuModel: "Intel(R) Xeon(R) D-2796NT CPU @ 2.00GHz",
    cpuSockets: 1,
    cpuCores: 20,
    cpuThreads: 40,
    cpuArchitecture: "x86_64",
    memoryBytes: "68719476736",
    biosVendor: "American Megatrends",
    biosVersion: "5.27",
    hostStatus: "Running",
    hostStatusIndicator: "STATUS_INDICATION_IDLE",
    hostNics: [nic(0), nic(1)],
    hostStorages: [
      { deviceName: "nvme0n1", serial: `S${number}`, model: "SSDPF2KX019T1", capacityBytes: "1920383410176" },
    ],
  };
}
