import type { Plan } from "./plan.ts";
import type { Tariffs } from "./tariffs.ts";

/** Settings that a start of the worker reads, beside who is at which address. */
export type Settings = Pick<Plan, "patienceMs" | "processorTimeoutMs" | "bounds"> & {
  readonly tariffs: Tariffs;
};
