/** Shows a window of requestedAt: its summary, what its fees come to, and its curve. */
import { decimalFromCents } from "../shared/money.ts";
import { byCost } from "../shared/tariff.ts";
import type { Curve } from "../shared/http-api/dashboard.ts";
import type { LiveLane } from "../shared/http-api/live.ts";
import { ask } from "./ask.ts";
import { Chart } from "./charts.ts";
import { byId, setAttribute, setText, table } from "./dom.ts";
import { day, grouped, plural, span } from "./format.ts";
import { laneLine } from "./head.ts";
import { feesTable, MoneyFigures } from "./money.ts";

const CURVE = "/dashboard/curve";
const PERIOD_MS = 5_000;

/** The last so many seconds up to now, 0 for everything; or what somebody wrote into the fields. */
type Wanted = { readonly lastS: number } | { readonly from: string; readonly to: string };

export class Windows {
  readonly #chart = new Chart(byId("chart-window"), (value) => grouped(Math.round(value)));
  readonly #money = new MoneyFigures(byId("window-money"), "window-money");
  readonly #from = byId<HTMLInputElement>("window-from");
  readonly #to = byId<HTMLInputElement>("window-to");
  readonly #presets = document.querySelectorAll<HTMLButtonElement>("[data-last-s]");
  #lanes: readonly LiveLane[] = [];
  #wanted: Wanted = { lastS: 3_600 };
  /** True while the fields hold what somebody writes and has not asked for yet. */
  #edited = false;
  /** Number of the latest question: answers to earlier ones come too late. */
  #asked = 0;

  constructor() {
    const form = byId("window-form");
    form.addEventListener("input", () => (this.#edited = true));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#want({ from: this.#from.value, to: this.#to.value });
    });
    for (const button of this.#presets) {
      button.addEventListener("click", () =>
        this.#want({ lastS: Number(button.dataset["lastS"]) }),
      );
    }
    setInterval(() => {
      if (!document.hidden && this.#lanes.length > 0) void this.#read();
    }, PERIOD_MS);
  }

  /** Takes the fees that are configured. */
  update(lanes: readonly LiveLane[]): void {
    const first = this.#lanes.length === 0;
    this.#lanes = lanes;
    if (first) this.#want(this.#wanted);
  }

  redraw(): void {
    this.#chart.redraw();
  }

  #want(wanted: Wanted): void {
    this.#wanted = wanted;
    this.#edited = false;
    for (const button of this.#presets) {
      const pressed = "lastS" in wanted && button.dataset["lastS"] === String(wanted.lastS);
      setAttribute(button, "aria-pressed", String(pressed));
    }
    void this.#read();
  }

  /** Gives the window as it is now; the fields follow, unless somebody writes in them. */
  #bounds(): { readonly from: string; readonly to: string } {
    if ("from" in this.#wanted) return this.#wanted;
    const bounds = lastOf(this.#wanted.lastS, Date.now());
    if (this.#edited || this.#isIn(this.#from) || this.#isIn(this.#to)) return bounds;
    [this.#from.value, this.#to.value] = [bounds.from, bounds.to];
    return bounds;
  }

  #isIn(field: HTMLInputElement): boolean {
    return document.activeElement === field;
  }

  async #read(): Promise<void> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(this.#bounds())) {
      if (value !== "") query.set(name, new Date(value).toISOString());
    }
    const asked = ++this.#asked;
    const answer = await ask(CURVE, { query });
    if (asked !== this.#asked) return;
    const files = byId("window-files");
    setAttribute(files, "hidden", answer.ok ? null : "");
    if (!answer.ok) return setText(byId("window-note"), `${answer.detail}.`.replace("..", "."));
    for (const format of ["csv", "json"]) {
      query.set("format", format);
      byId(`window-${format}`).setAttribute("href", `${CURVE}?${query}`);
    }
    this.#show(answer.value);
  }

  #show({ from, to, bucketMs, processors, buckets, money }: Curve): void {
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
    place.replaceChildren(this.#tableOf(totals, money));
    this.#chart.show(
      processors.map((name) => laneLine(name, this.#positionOf(name))),
      [
        buckets.map(({ at }) => Date.parse(at) / 1_000),
        ...processors.map((_, i) => buckets.map(({ counts }) => counts[i] as number)),
      ],
    );
  }

  #tableOf(
    totals: readonly { name: string; count: number; cents: number }[],
    money: Curve["money"],
  ): HTMLElement {
    const priced = (money?.each ?? []).reduce((sum, { count }) => sum + count, 0);
    const isPriced = priced === totals.reduce((sum, { count }) => sum + count, 0);
    const fees = isPriced ? money : null;
    setAttribute(byId("window-money"), "hidden", fees === null ? "" : null);
    if (fees !== null) {
      this.#money.show(fees);
      return feesTable(fees, "Settled in the window");
    }
    const rows = totals.map(({ name, count, cents }) => {
      return [name, grouped(count), grouped(decimalFromCents(cents))];
    });
    const heads = ["processor", "#settled", "#amount"];
    return table(heads, rows, "Settled in the window");
  }

  #positionOf(name: string): number {
    const position = byCost(this.#lanes).findIndex((lane) => lane.name === name);
    return position === -1 ? 3 : position;
  }
}

/** Both bounds stay open when everything is wanted. */
function lastOf(seconds: number, nowMs: number) {
  if (seconds === 0) return { from: "", to: "" };
  return { from: localOf(nowMs - seconds * 1_000), to: localOf(nowMs) };
}

/** Writes an instant as a field for date and time has it: local, to the second. */
function localOf(atMs: number): string {
  const local = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
