/**
 * A processor is known by its address as well as by its name. The journal keeps the address of every
 * name. Another address under a known name is another processor until an operator says otherwise: a
 * payment that the first one may have would be charged twice if it were charged there.
 *
 *   never known                                          the configured one is taken
 *   the same                                             nothing
 *   another, and nothing is open here or at that address  the configured one is taken, with a line
 *   another, and payments are                            moved: nothing is sent there
 *
 * The journal may have "that address" under another name: two names that exchange their addresses are
 * both moved, or the payments of the one would mix with the other's. Payments are open that are not
 * settled, nor final in another way, and belong to the processor.
 */
import type { Database } from "bun:sqlite";
import { PAYMENT_STATES, type PaymentState } from "./transitions.ts";

export type Address = { readonly name: string; readonly url: string };
/** Name as the journal has it; `url` is null before an address was known. */
export type KnownAddress = {
  readonly number: number;
  readonly name: string;
  readonly url: string | null;
  readonly open: number;
};
export type AddressFinding =
  | { readonly kind: "new" }
  | { readonly kind: "same" }
  | { readonly kind: "followed"; readonly from: string }
  /** `open` counts payments here, and at the new address under other names. */
  | { readonly kind: "moved"; readonly from: string; readonly open: number };
export type Addresses = {
  /** Findings in the order of the configuration. */
  readonly configured: readonly AddressFinding[];
  /** Names that are not configured any more, and have open payments. */
  readonly gone: readonly KnownAddress[];
};

/** Compares by the table above. */
export function compareAddresses(
  configured: readonly Address[],
  known: readonly KnownAddress[],
): Addresses {
  const names = new Set(configured.map(({ name }) => name));
  return {
    configured: configured.map((address) => judge(address, known)),
    gone: known.filter(({ name, open }) => open > 0 && !names.has(name)),
  };
}

function judge({ name, url }: Address, known: readonly KnownAddress[]): AddressFinding {
  const from = known.find((one) => one.name === name)?.url ?? null;
  if (from === null) return { kind: "new" };
  if (from === url) return { kind: "same" };
  const open = known
    .filter((one) => one.name === name || one.url === url)
    .reduce((sum, one) => sum + one.open, 0);
  return open === 0 ? { kind: "followed", from } : { kind: "moved", from, open };
}

/** Names to which no call of any kind may be made, each with the address that its payments belong to. */
export function movedNames(
  configured: readonly Address[],
  known: readonly KnownAddress[],
): ReadonlyMap<string, string> {
  const { configured: found } = compareAddresses(configured, known);
  const moved = configured.flatMap(({ name }, i): [string, string][] => {
    const one = found[i];
    return one?.kind === "moved" ? [[name, one.from]] : [];
  });
  return new Map(moved);
}

export function whyNotAsked(from: string): string {
  return `its payments belong to ${from}: nothing is asked until an operator says that it has moved`;
}

const CODES = (["assigned", "unknown", "held"] satisfies PaymentState[]).map((state) =>
  PAYMENT_STATES.indexOf(state),
);

/** Reads a journal's addresses. */
export function knownAddresses(db: Database): KnownAddress[] {
  return db
    .query<KnownAddress, []>(
      `SELECT number, name, url, coalesce(open, 0) AS open FROM processors LEFT JOIN (
         SELECT processor, count(*) AS open FROM unsettled WHERE state IN (${CODES.join(", ")})
         GROUP BY processor
       ) ON processor = number ORDER BY number`,
    )
    .all();
}
