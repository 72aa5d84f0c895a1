/**
 * Counts fees anew, from what a test has configured and what the gateway says that it has settled, without a
 * line of the gateway's own arithmetic: in whole millionths of a cent, payment by payment. Every figure about the
 * past has to agree with it, whatever has been configured since.
 */
import type { Money } from "../../shared/http-api/money.ts";
import type { Status, Window } from "../../testing/gateway.ts";
import type { Violation } from "../system/audit.ts";

/** A fee as PROCESSORS_FILE has it. */
export type Terms = {
  readonly percent?: string;
  readonly fixed?: string;
  readonly min?: string;
  readonly max?: string;
  readonly rounding?: "half-up" | "half-even";
};
/** The fees that a worker was started with, by processor. */
export type Start = { readonly atMs: number; readonly fees: Readonly<Record<string, Terms>> };

type Settled = Status & { readonly processor: string; readonly requestedAtMs: number };
/** A settled payment, with its fee and those that others had, in millionths of a cent. */
export type Recounted = Settled & {
  readonly id: string;
  readonly paid: bigint;
  readonly dearest: bigint;
  readonly cheapest: bigint;
};
type Sums = { count: number; cents: number; paid: bigint };

const CENT = 1_000_000n;
const UNIT = 100n * CENT;

export function feeBy(terms: Terms, amountCents: number): bigint {
  const { percent = "0", fixed = "0", min = "0", max, rounding } = terms;
  let fee = BigInt(amountCents) * scaled(percent, 4) + scaled(fixed, 8);
  if (rounding !== undefined) {
    const [whole, rest] = [fee / CENT, fee % CENT];
    const isHalf = rest * 2n === CENT;
    const up = isHalf ? rounding === "half-up" || whole % 2n === 1n : rest * 2n > CENT;
    fee = (whole + (up ? 1n : 0n)) * CENT;
  }
  if (fee < scaled(min, 8)) return scaled(min, 8);
  return max !== undefined && fee > scaled(max, 8) ? scaled(max, 8) : fee;
}

/** Recounts every settled payment under the fees of the worker that assigned it. */
export function recount(
  statuses: ReadonlyMap<string, Status | "missing">,
  starts: readonly Start[],
): Recounted[] {
  return [...statuses].flatMap(([id, status]) => {
    if (!isSettled(status)) return [];
    const { fees } = startOf(status, starts);
    const { amountCents, processor } = status;
    const offered = Object.values(fees).map((terms) => feeBy(terms, amountCents));
    return [
      {
        ...status,
        id,
        paid: feeBy(fees[processor] as Terms, amountCents),
        dearest: offered.reduce((x, y) => (x > y ? x : y)),
        cheapest: offered.reduce((x, y) => (x < y ? x : y)),
      },
    ];
  });
}

/** Compares the fee that each payment is told with. */
export function auditFees(rows: readonly Recounted[]): Violation[] {
  return rows.flatMap(({ id, fee, paid, tariff }) => {
    const expected = Number(paid) / Number(UNIT);
    if (fee === expected) return [];
    const text = `its fee is ${fee}, and comes to ${expected} (tariff ${tariff})`;
    return [{ kind: "wrong-fee" as const, id, text }];
  });
}

/** Compares the money of a window with the sum over its payments. */
export function auditMoney(
  rows: readonly Recounted[],
  window: Window | null,
  money: Money | null,
): Violation[] {
  const { fromMs, toMs } = window ?? { fromMs: -Infinity, toMs: Infinity };
  const each = new Map<string, Sums>();
  const all = { total: 0n, paid: 0n, avoided: 0n, left: 0n };
  for (const { requestedAtMs, processor, tariff, amountCents, ...fees } of rows) {
    if (requestedAtMs < fromMs || requestedAtMs > toMs) continue;
    const key = `${processor}, tariff ${tariff}`;
    const sums = each.get(key) ?? { count: 0, cents: 0, paid: 0n };
    each.set(key, sums);
    sums.count++;
    sums.cents += amountCents;
    sums.paid += fees.paid;
    all.total += BigInt(amountCents) * CENT;
    all.paid += fees.paid;
    all.avoided += fees.dearest - fees.paid;
    all.left += fees.paid - fees.cheapest;
  }
  const told = (money?.each ?? [])
    .filter(({ count }) => count > 0)
    .map(({ name, tariff, count, cents, paid }) => {
      return [`${name}, tariff ${tariff}`, { count, cents, paid: scaled(paid, 8) }] as const;
    });
  const names = Object.keys(all) as (keyof typeof all)[];
  const sums = new Map(names.map((name) => [name, String(all[name])]));
  const toldSums = new Map(names.map((name) => [name, String(scaled(money?.[name] ?? "0", 8))]));
  const id = window === null ? "everything" : `${window.fromMs} to ${window.toMs}`;
  const texts = [...differing(textsOf(each), textsOf(new Map(told))), ...differing(sums, toldSums)];
  return texts.map((text) => ({ kind: "wrong-fee", id, text }));
}

function* differing(ours: ReadonlyMap<string, string>, told: ReadonlyMap<string, string>) {
  for (const key of new Set([...ours.keys(), ...told.keys()])) {
    const [counted = "nothing", said = "nothing"] = [ours.get(key), told.get(key)];
    if (counted !== said) yield `${key}: the gateway says ${said}, and it comes to ${counted}`;
  }
}

function textsOf(sums: ReadonlyMap<string, Sums>): Map<string, string> {
  return new Map(
    [...sums].map(([key, { count, cents, paid }]) => [
      key,
      `${count} of ${cents} cents for ${paid}`,
    ]),
  );
}

/** The newest start before the payment was assigned: it was that worker that has assigned it. */
function startOf({ requestedAtMs }: Settled, starts: readonly Start[]): Start {
  return starts.findLast(({ atMs }) => atMs <= requestedAtMs) as Start;
}

function isSettled(status: Status | "missing"): status is Settled {
  return status !== "missing" && status.status === "settled";
}

/** A decimal as a whole number of so many decimals. */
function scaled(decimal: string, decimals: number): bigint {
  const [whole = "", part = ""] = decimal.split(".");
  return BigInt(whole + part.padEnd(decimals, "0"));
}
