/**
 * Shows the sum of the processors' fees, what waiting for the cheap one saved, and what more was
 * possible.
 */
import { feesOf, type Charged, type Fees } from "../shared/fees.ts";
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { decimalFromCents } from "../shared/money.ts";
import { byId, h, setAttribute, setText, table } from "./dom.ts";
import { offer } from "./download.ts";
import { grouped, plural } from "./format.ts";

const FIGURES = {
  paid: {
    label: "fees paid",
    means: "What the processors charge: each amount times the fee of who settled it.",
  },
  avoided: {
    label: "fees avoided",
    means: "What all of it would have cost at the dearest processor, less what it did cost.",
  },
  left: {
    label: "left on the table",
    means: "What it did cost, less what all of it would have cost at the cheapest processor.",
  },
} as const;
type Figure = keyof typeof FIGURES;
const NAMES = Object.keys(FIGURES) as Figure[];

function formulasOf(fees: Fees): Record<Figure, string> {
  const { total, paid, avoided, left, dearest, cheapest, each } = fees;
  const parts = each
    .filter(({ cents }) => cents > 0)
    .map(({ name, amount, fee }) => `${name} ${grouped(amount)} × ${fee}`);
  const sum = parts.length === 0 ? "nothing is settled yet" : parts.join(" + ");
  const all = (one: Charged) => `${grouped(total)} × ${one.fee}, all on ${one.name}`;
  return {
    paid: `${sum} = ${grouped(paid)}`,
    avoided: `${all(dearest)}, less ${grouped(paid)} paid = ${grouped(avoided)}`,
    left: `${grouped(paid)} paid, less ${all(cheapest)} = ${grouped(left)}`,
  };
}

/** Three figures, each with its meaning and its formula on hovering or on focus. */
export class MoneyFigures {
  readonly #figures: Record<Figure, HTMLElement>;

  constructor(place: HTMLElement, idPrefix: string) {
    const make = (name: Figure) =>
      h(
        "button",
        { type: "button", class: "figure", id: `${idPrefix}-${name}` },
        h("span", { class: "label" }, FIGURES[name].label),
        h("span", { class: "value" }, "–"),
        h(
          "span",
          { class: "formula", role: "note" },
          h("span", { class: "means" }, FIGURES[name].means),
          h("span", { class: "sum" }),
        ),
      );
    this.#figures = { paid: make("paid"), avoided: make("avoided"), left: make("left") };
    place.replaceChildren(...NAMES.map((name) => this.#figures[name]));
  }

  show(fees: Fees): void {
    const formulas = formulasOf(fees);
    for (const name of NAMES) {
      setText(this.#figures[name].querySelector(".value")!, grouped(fees[name]));
      setText(this.#figures[name].querySelector(".sum")!, formulas[name]);
    }
  }
}

/** Makes the table of fees, for what was settled where. */
export function feesTable(fees: Fees, counts: ReadonlyMap<string, number>, caption: string) {
  const number = (name: string) => ({ number: name });
  const rows: (string | Node)[][] = fees.each.map(({ name, fee, amount, paid }) => [
    name,
    String(fee),
    grouped(counts.get(name) ?? 0),
    grouped(amount),
    h("span", { title: `${grouped(amount)} × ${fee} = ${grouped(paid)}` }, grouped(paid)),
  ]);
  const count = [...counts.values()].reduce((sum, one) => sum + one, 0);
  rows.push(["all", "", grouped(count), grouped(fees.total), grouped(fees.paid)]);
  const heads = [
    "processor",
    number("fee"),
    number("settled"),
    number("amount"),
    number("fees paid"),
  ];
  return table(heads, rows, caption);
}

export class Money {
  readonly #figures = new MoneyFigures(byId("money-figures"), "money");
  #fees: Fees | null = null;
  #counts: ReadonlyMap<string, number> = new Map();
  #gone: LiveSnapshot["gone"] = [];
  #shown = "";

  constructor() {
    const heads = ["processor", "fee", "settled", "amount", "fees_paid"];
    const rows = () => [
      ...(this.#fees?.each ?? []).map(({ name, fee, amount, paid }) => {
        return [name, fee, this.#counts.get(name), amount, paid];
      }),
      // Nobody knows their fee any more.
      ...this.#gone.map(({ name, count, cents }) => {
        return [name, null, count, decimalFromCents(cents), null];
      }),
    ];
    offer(
      "money",
      "money",
      () => ({ heads, rows: rows() }),
      () => this.#file(),
    );
  }

  update({ lanes, gone }: LiveSnapshot): void {
    const charged = lanes.map(({ name, fee, settled }) => ({ name, fee, cents: settled.cents }));
    const fees = feesOf(charged);
    const shown = JSON.stringify([charged, gone]);
    if (fees === null || shown === this.#shown) return;
    this.#shown = shown;
    this.#fees = fees;
    this.#gone = gone;
    this.#counts = new Map(lanes.map(({ name, settled }) => [name, settled.count]));
    this.#figures.show(fees);
    byId("money-table").replaceChildren(feesTable(fees, this.#counts, "Fees by processor"));
    const note = byId("money-gone");
    setAttribute(note, "hidden", gone.length === 0 ? "" : null);
    const others = gone.map(({ name, count }) => `${name} (${plural(count, "payment")})`);
    setText(note, `Left out, because their fee is not configured any more: ${others.join(", ")}.`);
  }

  #file(): object {
    if (this.#fees === null) return {};
    const { total, paid, avoided, left, each } = this.#fees;
    const processors = each.map(({ name, fee, amount, paid: own }) => {
      return { name, fee, settled: this.#counts.get(name) ?? 0, amount, paid: own };
    });
    return { total, paid, avoided, left, processors };
  }
}
