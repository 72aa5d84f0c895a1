/** Writes exported payments as lines, and adds up what was written; a million take a few seconds. */
import { instants } from "../../shared/clock.ts";
import { csvRow, quoted } from "../../shared/csv.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { decimalOfFee, feeOf } from "../../shared/tariff.ts";
import type { Charging, ExportedPayment } from "../../worker/journal-reader.ts";
import { erasOf, tariffOf, type Era } from "../../worker/tariffs.ts";

export const FORMATS = ["csv", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

const COLUMNS = [
  "correlationId",
  "reference",
  "amount",
  "processor",
  "tariff",
  "fee",
  "requestedAt",
  "acceptedAt",
  "settledAt",
] as const;

export class ExportedRows {
  readonly #names: readonly string[];
  readonly #eras: readonly Era[];
  readonly #counts: number[];
  readonly #cents: number[];
  readonly #lineOf: (payment: ExportedPayment) => string;
  readonly #isCsv: boolean;
  readonly #requested = instants();
  readonly #accepted = instants();
  readonly #settled = instants();

  constructor({ names, tariffs }: Charging, format: Format) {
    this.#names = names;
    this.#eras = erasOf(tariffs, names.length);
    this.#counts = names.map(() => 0);
    this.#cents = names.map(() => 0);
    this.#isCsv = format === "csv";
    this.#lineOf = this.#isCsv ? (one) => this.#csvLine(one) : (one) => this.#jsonLine(one);
  }

  /** The lines before all others. */
  head(): string {
    return this.#isCsv ? csvRow(COLUMNS) : "";
  }

  linesOf(payments: readonly ExportedPayment[]): string {
    let lines = "";
    for (const payment of payments) {
      this.#counts[payment.processor]! += 1;
      this.#cents[payment.processor]! += payment.amountCents;
      lines += this.#lineOf(payment);
    }
    return lines;
  }

  /** Sums as the summary has them. */
  totals(): string {
    const each = this.#names.map((name, number) => {
      return `${name} ${this.#counts[number]} of ${decimalFromCents(this.#cents[number]!)}`;
    });
    const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
    const all = `exported ${sum(this.#counts)} payments of ${decimalFromCents(sum(this.#cents))}`;
    return each.length === 0 ? all : `${all}: ${each.join(", ")}`;
  }

  #csvLine(payment: ExportedPayment): string {
    const { correlationId, reference, amountCents, requestedAtMs, acceptedAtMs, settledAtMs } =
      payment;
    const { number, fee } = this.#feeOf(payment);
    // The reference alone can be a formula: numbers, instants, ids and names of processors never are.
    return `${correlationId},${reference === null ? "" : quoted(reference)},${decimalFromCents(amountCents)},${this.#names[payment.processor]},\
${number},${fee},${this.#requested(requestedAtMs)},${this.#accepted(acceptedAtMs)},\
${settledAtMs === null ? "" : this.#settled(settledAtMs)}\r\n`;
  }

  #jsonLine(payment: ExportedPayment): string {
    const { correlationId, reference, amountCents, requestedAtMs, acceptedAtMs, settledAtMs } =
      payment;
    const { number, fee } = this.#feeOf(payment);
    const settledAt = settledAtMs === null ? "null" : `"${this.#settled(settledAtMs)}"`;
    return `{"correlationId":"${correlationId}","reference":${JSON.stringify(reference)},"amount":${decimalFromCents(amountCents)},\
"processor":"${this.#names[payment.processor]}","tariff":${number || "null"},"fee":${fee || "null"},\
"requestedAt":"${this.#requested(requestedAtMs)}","acceptedAt":"${this.#accepted(acceptedAtMs)}","settledAt":${settledAt}}\n`;
  }

  /** Both are empty where nobody ever knew a tariff. */
  #feeOf(payment: ExportedPayment): { number: string; fee: string } {
    const tariff = tariffOf(this.#eras, payment);
    if (tariff === null) return { number: "", fee: "" };
    const fee = decimalOfFee(feeOf(tariff.terms, payment.amountCents));
    return { number: String(tariff.number), fee };
  }
}
