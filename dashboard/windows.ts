/** Shows a window of requestedAt: its summary, what its fees come to, and its curve. */
import { feesOf } from "../shared/fees.ts";
import { decimalFromCents } from "../shared/money.ts";
import type { Curve } from "../shared/http-api/dashboard.ts";
import type { LiveLane } from "../shared/http-api/live.ts";
import { ask } from "./ask.ts";
import { Chart } from "./charts.ts";
import { byId, setAttribute, setText, table } from "./dom.ts";
import { day, grouped, plural, span } from "./format.ts";
import { laneLine } from "./head.ts";
import { feesTable, MoneyFigures } from "./money.ts";

const CURVE = "/dashboard/curve";

export class Windows {
  readonly #chart = new Chart(byId("chart-window"), (value) => grouped(Math.round(value)));
  readonly #money = new MoneyFigures(byId("window-money"), "window-money");
  readonly #from = byId<HTMLInputElement>("window-from");
  readonly #to = byId<HTMLInputElement>("window-to");
  #lanes: readonly LiveLane[] = [];

  constructor() {
    byId("window-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#read();
    });
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-last-s]")) {
      button.addEventListener("click", () => this.#last(Number(button.dataset["lastS"])));
    }
  }

  /** Takes the fees that are configured. */
  update(lanes: readonly LiveLane[]): void {
    const first = this.#lanes.length === 0;
    this.#lanes = lanes;
    if (first) this.#last(3_600);
  }

  redraw(): void {
    this.#chart.redraw();
  }

  /** Shows the last so many seconds; 0 for everything. */
  #last(seconds: number): void {
    const nowMs = Date.now();
    this.#from.value = seconds === 0 ? "" : localOf(nowMs - seconds * 1_000);
    this.#to.value = seconds === 0 ? "" : localOf(nowMs);
    void this.#read();
  }

  async #read(): Promise<void> {
    const query = new URLSearchParams();
    for (const [name, { value }] of [
      ["from", this.#from],
      ["to", this.#to],
    ] as const) {
      if (value !== "") query.set(name, new Date(value).toISOString());
    }
    const answer = await ask(CURVE, { query });
    const files = byId("window-files");
    setAttribute(files, "hidden", answer.ok ? null : "");
    if (!answer.ok) return setText(byId("window-note"), `${answer.detail}.`.replace("..", "."));
    for (const format of ["csv", "json"]) {
      query.set("format", format);
      byId(`window-${format}`).setAttribute("href", `${CURVE}?${query}`);
    }
    this.#show(answer.value);
  }

  #show({ from, to, bucketMs, processors, buckets }: Curve): void {
    const totals = processors.map((name, i) => {
      const sum = (values: readonly (readonly number[])[]) =>
        values.reduce((all, one) => all + (one[i] as number), 0);
      const count = sum(buckets.map(({ counts }) => counts));
      return { name, count, cents: sum(buckets.map(({ cents }) => cents)) };
    });
    const all = totals.reduce((sum, { count }) => sum + count, 0);
    const empty = from === null || to === null || all === 0;
    setText(
      byId("window-note"),
      empty
        ? "No payment of this window is settled. “all” shows everything that is."
        : `${plural(all, "payment")} from ${day(from)} to ${day(to)}, one point for ${span(bucketMs / 1_000)}.`,
    );
    setAttribute(byId("chart-window"), "hidden", empty ? "" : null);
    const place = byId("window-table");
    if (empty) {
      setAttribute(byId("window-money"), "hidden", "");
      return place.replaceChildren();
    }
    place.replaceChildren(this.#tableOf(totals));
    this.#chart.show(
      processors.map((name) => laneLine(name, this.#positionOf(name))),
      [
        buckets.map(({ at }) => Date.parse(at) / 1_000),
        ...processors.map((_, i) => buckets.map(({ counts }) => counts[i] as number)),
      ],
    );
  }

  #tableOf(totals: readonly { name: string; count: number; cents: number }[]): HTMLElement {
    const charged = totals.flatMap(({ name, cents }) => {
      const lane = this.#lanes.find((one) => one.name === name);
      return lane === undefined ? [] : [{ name, cents, fee: lane.fee }];
    });
    const fees = charged.length === totals.length ? feesOf(charged) : null;
    setAttribute(byId("window-money"), "hidden", fees === null ? "" : null);
    if (fees !== null) {
      const counts = new Map(totals.map(({ name, count }) => [name, count]));
      this.#money.show(fees);
      return feesTable(fees, counts, "Settled in the window");
    }
    const rows = totals.map(({ name, count, cents }) => {
      return [name, grouped(count), grouped(decimalFromCents(cents))];
    });
    const heads = ["processor", { number: "settled" }, { number: "amount" }];
    return table(heads, rows, "Settled in the window");
  }

  #positionOf(name: string): number {
    const byFee = this.#lanes.toSorted((a, b) => a.fee - b.fee);
    const position = byFee.findIndex((lane) => lane.name === name);
    return position === -1 ? 3 : position;
  }
}

/** Writes an instant as a field for date and time has it: local, to the second. */
function localOf(atMs: number): string {
  const local = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
