/** Metrics of what the processors charge: for graphs, as floats; exact sums are on the page. */
import { Gauge, type Registry } from "prom-client";
import type { Money } from "../../shared/http-api/money.ts";
import { readerWithin, TOO_LATE } from "./within.ts";

/** A scrape does not wait for fees that are being added up after a start. */
const MONEY_MS_MAX = 500;

export function registerMoneyMetrics(registry: Registry, read: () => Promise<Money>): void {
  const newest = readerWithin(MONEY_MS_MAX, read);
  new Gauge({
    name: "papaleguas_fees_paid",
    help: "Fees of what is settled since the last purge, in the currency's units",
    labelNames: ["processor"],
    registers: [registry],
    async collect() {
      const money = await newest();
      if (money === TOO_LATE) return;
      const paid: Record<string, number> = {};
      for (const one of money.each) paid[one.name] = (paid[one.name] ?? 0) + Number(one.paid);
      for (const [processor, fees] of Object.entries(paid)) this.set({ processor }, fees);
    },
  });
}
