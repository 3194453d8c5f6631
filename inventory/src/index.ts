export * from "./inventory.ts";
export * from "./store/condition.ts";
export * from "./store/contract.ts";
