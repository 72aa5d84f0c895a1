/**
 * A processor as it is configured, by PROCESSORS or by PROCESSORS_FILE: the rest of the worker does not
 * know which.
 */
import type { Tariff } from "../shared/tariff.ts";

/** A kind that the worker speaks, or the path of an adapter. */
export type ProcessorKind = "rinha" | "stripe" | `/${string}`;

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

/** The reason why a kind cannot be used with what it is given, or null. */
export function whyNotSpoken({ kind, secret, currency }: Spoken): string | null {
  if (kind !== "stripe") return null;
  if (secret === undefined) return '"stripe" needs a secret';
  return currency === undefined ? '"stripe" needs the currency of the file' : null;
}
type Spoken = { readonly kind: string; readonly secret?: unknown; readonly currency?: string };

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
