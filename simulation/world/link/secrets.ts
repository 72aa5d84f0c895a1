/** Secrets of the link: one, or two while it is rotated, which is when the worker has both. */
import type { Secrets } from "../../../shared/settings.ts";

const ONE: Secrets = ["simulation"];
const STEPS: readonly [Secrets, ...Secrets[]] = [["old"], ["new", "old"], ["new"]];

export function secretsOfWorker(rotates: boolean): Secrets {
  return rotates ? ["new", "old"] : ONE;
}

/** Secrets of an API, which each of its starts may find changed. */
export function secretsOfApi(rotates: boolean, step: number): Secrets {
  return rotates ? (STEPS[step % STEPS.length] ?? STEPS[0]) : ONE;
}
