import { expect, test } from "vitest";
import { description } from "./description.ts";

test("what a resource refers to is told by name and id", () => {
  const host = { resourceId: "host-0000000a", site: { resourceId: "site-0000000b", name: "oslo" } };
  expect(description(host)).toBe("resourceId: host-0000000a\nsite: oslo (site-0000000b)\n");
});

test("a part that is no resource of its own is told whole, as the addresses of a network card are", () => {
  const address = { resourceId: "", address: "192.0.2.2/24", status: "IP_ADDRESS_STATUS_CONFIGURED", statusDetail: "" };
  const host = { resourceId: "host-0000000a", hostNics: [{ deviceName: "eth0", ipaddresses: [address] }] };
  expect(description(host)).toBe(
    [
      "resourceId: host-0000000a",
      "hostNics:",
      "  - deviceName: eth0",
      "    ipaddresses:",
      "      - address: 192.0.2.2/24",
      "        status: IP_ADDRESS_STATUS_CONFIGURED",
      "",
    ].join("\n"),
  );
});
