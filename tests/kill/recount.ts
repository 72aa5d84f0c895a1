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
type Sums = { count: number; cents: number; paid: bigint };

const CENT = 1_000_000n;
const UNIT = 100n * CENT;

/** A fee in millionths of a cent. */
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

/** Compares the fee that each settled payment is told with, by the worker that assigned it. */
export function auditFees(
  statuses: ReadonlyMap<string, Status | "missing">,
  starts: readonly Start[],
): Violation[] {
  return [...statuses].flatMap(([id, status]) => {
    if (!isSettled(status)) return [];
    const expected = Number(feeOf(status, starts)) / Number(UNIT);
    if (status.fee === expected) return [];
    const text = `its fee is ${status.fee}, and comes to ${expected} (tariff ${status.tariff})`;
    return [{ kind: "wrong-fee" as const, id, text }];
  });
}

/** Compares the money of a window with the sum over its payments. */
export function auditMoney(
  statuses: ReadonlyMap<string, Status | "missing">,
  starts: readonly Start[],
  window: Window | null,
  money: Money | null,
): Violation[] {
  const id = window === null ? "everything" : `${window.fromMs} to ${window.toMs}`;
  const { fromMs, toMs } = window ?? { fromMs: -Infinity, toMs: Infinity };
  const inside = [...statuses.values()]
    .filter(isSettled)
    .filter(({ requestedAtMs }) => requestedAtMs >= fromMs && requestedAtMs <= toMs);
  const each = new Map<string, Sums>();
  const all = { total: 0n, paid: 0n, avoided: 0n, left: 0n };
  for (const status of inside) {
    const { processor, tariff, amountCents } = status;
    const paid = feeOf(status, starts);
    const offered = Object.values(startOf(status, starts).fees).map((fee) =>
      feeBy(fee, amountCents),
    );
    const key = `${processor}, tariff ${tariff}`;
    const sums = each.get(key) ?? { count: 0, cents: 0, paid: 0n };
    each.set(key, sums);
    sums.count++;
    sums.cents += amountCents;
    sums.paid += paid;
    all.total += BigInt(amountCents) * CENT;
    all.paid += paid;
    all.avoided += offered.reduce((a, b) => (a > b ? a : b)) - paid;
    all.left += paid - offered.reduce((a, b) => (a < b ? a : b));
  }
  const told = new Map(
    (money?.each ?? [])
      .filter(({ count }) => count > 0)
      .map(({ name, tariff, count, cents, paid }) => [
        `${name}, tariff ${tariff}`,
        { count, cents, paid: scaled(paid, 8) },
      ]),
  );
  const sums = new Map<string, string>(Object.entries(all).map(([k, v]) => [k, String(v)]));
  const toldSums = new Map(
    [...sums.keys()].map((key) => {
      const text = money?.[key as keyof typeof all] ?? "0";
      return [key, String(scaled(text, 8))];
    }),
  );
  return [...differing(textsOf(each), textsOf(told)), ...differing(sums, toldSums)].map((text) => ({
    kind: "wrong-fee",
    id,
    text,
  }));
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

function feeOf(status: Settled, starts: readonly Start[]): bigint {
  return feeBy(startOf(status, starts).fees[status.processor] as Terms, status.amountCents);
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
