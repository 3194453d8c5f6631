import { OFFER, Sender, type TestHub } from "@holdfast/hub/hub-harness";
import type { Variables } from "./expectation.ts";

/** What the site of the sequences says of its machine: everything that a client shows of one. */
const HOST = {
  hostname: "edge-1",
  biosVendor: "Phoenix",
  productName: "NUC",
  cpuModel: "Z80",
  cpuCores: 8,
  cpuThreads: 16,
  cpuSockets: 1,
  cpuArchitecture: "x86_64",
  memoryBytes: "68719476736",
  hostStorages: [
    { wwid: "eui.1", serial: "S1", vendor: "ACME", model: "D1", capacityBytes: "1000204886016", deviceName: "sda" },
  ],
  hostNics: [
    {
      deviceName: "eth0",
      pciIdentifier: "0000:00:1f.6",
      macAddr: "00:1b:44:11:3a:b7",
      sriovEnabled: false,
      mtu: 1500,
      linkState: { type: "NETWORK_INTERFACE_LINK_STATE_UP" },
      bmcInterface: false,
      ipaddresses: [{ address: "192.0.2.7/24", status: "IP_ADDRESS_STATUS_CONFIGURED" }],
    },
  ],
  hostUsbs: [{ idVendor: "1d6b", idProduct: "0002", bus: 1, addr: 1, class: "Hub", serial: "0", deviceName: "hub" }],
  hostGpus: [{ pciId: "00:02.0", product: "UHD", vendor: "Intel", deviceName: "gpu", capabilities: ["H.264"] }],
  currentState: "HOST_STATE_ONBOARDED",
  currentPowerState: "POWER_STATE_ON",
  powerOnTime: 1_763_884_800,
  amtSku: "AMT_SKU_AMT",
  currentAmtState: "AMT_STATE_PROVISIONED",
  hostStatus: "Running",
  hostStatusIndicator: "STATUS_INDICATION_IDLE",
  hostStatusTimestamp: 1_763_884_900,
};

const INSTANCE = {
  currentState: "INSTANCE_STATE_RUNNING",
  instanceStatus: "Running",
  instanceStatusIndicator: "STATUS_INDICATION_IDLE",
  instanceStatusDetail: "10 of 10 components running",
  provisioningStatus: "Provisioned",
  provisioningStatusIndicator: "STATUS_INDICATION_IDLE",
};

/** Lets the site that is called `{site}` report the host and the instance of those names. */
export async function report(hub: TestHub, variables: Variables): Promise<void> {
  const id = variables.get("site") ?? "";
  const { body } = await hub.ask("POST", `/v1/projects/default/sites/${id}/tokens`, {});
  const headers = { authorization: `Bearer ${body.token}`, ...OFFER };
  const sender = new Sender(hub, { id, token: body.token, tenant: "", headers });
  const state = { type: "state", observedAt: 1_763_884_900_000, observedGeneration: 1 };
  const { status, body: reply } = await sender.send([
    { ...state, kind: "host", id: variables.get("host"), fields: HOST },
    { ...state, kind: "instance", id: variables.get("instance"), fields: INSTANCE },
  ]);
  if (status !== 200 || reply.outcomes.length > 0) throw new Error(`not taken: ${JSON.stringify(reply)}`);
}
