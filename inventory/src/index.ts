export * from "./authority/authority.ts";
export * from "./authority/validate.ts";
export * from "./inventory.ts";
export * from "./store/condition.ts";
export * from "./store/contract.ts";
export * from "./store/disk.ts";
export * from "./store/faults.ts";
export * from "./store/sqlite/open.ts";
