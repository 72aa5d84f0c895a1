/** Metrics of what the processors charge: each is the double next to the exact sum, which is on the page. */
import { Gauge, type Registry } from "prom-client";
import type { Money } from "../../shared/http-api/money.ts";
import { sumOf } from "../../shared/tariff.ts";
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
      for (const [processor, each] of Map.groupBy(money.each, ({ name }) => name)) {
        this.set({ processor }, Number(sumOf(each.map(({ paid }) => paid))));
      }
    },
  });
}
