/**
 * A processor as it is configured, by PROCESSORS or by PROCESSORS_FILE: the rest of the worker does not
 * know which. What it is spoken to with, its kind, is refused here as long as nothing speaks it.
 */
import type { Tariff } from "../shared/tariff.ts";

export type ProcessorKind = "rinha" | "stripe" | `./${string}`;

export type ProcessorSetting = {
  readonly name: string;
  readonly kind: ProcessorKind;
  readonly url: string;
  readonly fee: Tariff;
  /** Token for its administrative summary; the audit of this processor is off without one. */
  readonly auditToken?: string;
  /** Key that its calls are signed or sent with. */
  readonly secret?: string;
  /** Headers of every call to it, by name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Currency of all amounts, as ISO 4217 has it: BRL. */
  readonly currency?: string;
};

/** The reason why a kind cannot be used, or null. */
export function whyNotSpoken({ kind, secret, headers }: Spoken): string | null {
  if (kind !== "rinha") return `${JSON.stringify(kind)} is not spoken yet: "rinha" is`;
  if (secret !== undefined) return '"rinha" has no secret';
  return headers === undefined ? null : '"rinha" has no headers';
}
type Spoken = {
  readonly kind: ProcessorKind;
  readonly secret?: unknown;
  readonly headers?: unknown;
};

/** Finds the first processor that has what another before it has; null when there is none. */
export function findTwin(
  processors: readonly Pick<ProcessorSetting, "name" | "url">[],
): { readonly index: number; readonly key: "name" | "url" } | null {
  for (const [index, { name, url }] of processors.entries()) {
    const before = processors.slice(0, index);
    if (before.some((other) => other.name === name)) return { index, key: "name" };
    // Under two names one processor would be charged for, resolved and summed as two.
    if (before.some((other) => other.url === url)) return { index, key: "url" };
  }
  return null;
}
