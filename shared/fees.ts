/**
 * Sums fees without a float in between. A fee is a decimal fraction of an amount, so the fee of
 * whole cents has more decimals than cents have: 19.90 × 0.05 is 0.995. Sums are whole numbers of
 * the smallest unit that occurs, and are written with all their decimals.
 */
export type Charged = { readonly name: string; readonly cents: number; readonly fee: number };

export type Fees = {
  readonly total: string;
  /** Σ amount × fee, each at the processor that was paid through. */
  readonly paid: string;
  /** Fees of paying all at the dearest, less what was paid. */
  readonly avoided: string;
  /** Fees that were paid, less those of paying all at the cheapest. */
  readonly left: string;
  readonly dearest: Charged;
  readonly cheapest: Charged;
  readonly each: readonly (Charged & { readonly amount: string; readonly paid: string })[];
};

/** Gives null when there is no processor. */
export function feesOf(charged: readonly Charged[]): Fees | null {
  const [first] = charged;
  if (first === undefined) return null;
  const digits = Math.max(...charged.map(({ fee }) => partsOf(fee).digits));
  const feeUnits = (fee: number) => {
    const parts = partsOf(fee);
    return parts.units * 10n ** BigInt(digits - parts.digits);
  };
  const cost = ({ cents, fee }: Pick<Charged, "cents" | "fee">) => BigInt(cents) * feeUnits(fee);
  const cents = charged.reduce((sum, one) => sum + one.cents, 0);
  const paid = charged.reduce((sum, one) => sum + cost(one), 0n);
  const dearest = charged.reduce((a, b) => (b.fee > a.fee ? b : a), first);
  const cheapest = charged.reduce((a, b) => (b.fee < a.fee ? b : a), first);
  const text = (units: bigint) => decimalOf(units, 2 + digits);
  return {
    total: decimalOf(BigInt(cents), 2),
    paid: text(paid),
    avoided: text(cost({ cents, fee: dearest.fee }) - paid),
    left: text(paid - cost({ cents, fee: cheapest.fee })),
    dearest,
    cheapest,
    each: charged.map(({ name, cents: own, fee }) => {
      const paidHere = text(cost({ cents: own, fee }));
      return { name, cents: own, fee, amount: decimalOf(BigInt(own), 2), paid: paidHere };
    }),
  };
}

/** `0.05` is 5 units of two digits. The shortest text of a double is the decimal that was meant. */
function partsOf(fee: number): { units: bigint; digits: number } {
  const [mantissa = "", exponent = "0"] = String(fee).split("e-");
  const [whole = "", decimals = ""] = mantissa.split(".");
  return { units: BigInt(whole + decimals), digits: decimals.length + Number(exponent) };
}

/** Writes at least two decimals, and as many as it has. */
function decimalOf(units: bigint, digits: number): string {
  const sign = units < 0n ? "-" : "";
  const text = String(units < 0n ? -units : units).padStart(digits + 1, "0");
  const decimals = text.slice(-digits).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${text.slice(0, -digits)}.${decimals}`;
}
