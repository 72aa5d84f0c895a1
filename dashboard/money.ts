/**
 * Shows the sum of the processors' fees, what waiting for the cheap one saved, and what more was
 * possible. The worker has added them up; here they are whole cents, and the exact figure is at hand.
 */
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import type { Money as Fees } from "../shared/http-api/money.ts";
import { decimalFromCents } from "../shared/money.ts";
import { centsOf, wordsOf } from "../shared/tariff.ts";
import { byId, h, setAttribute, setText, table } from "./dom.ts";
import { offer } from "./download.ts";
import { grouped, plural } from "./format.ts";

const FIGURES = {
  paid: {
    label: "fees paid",
    means: "What the processors charge: each payment by the tariff that it was sent under.",
  },
  avoided: {
    label: "fees avoided",
    means: "What each payment would have cost at the dearest for it, less what it did cost.",
  },
  left: {
    label: "left on the table",
    means: "What it did cost, less what each payment would have cost at the cheapest for it.",
  },
} as const;
type Figure = keyof typeof FIGURES;
const NAMES = Object.keys(FIGURES) as Figure[];

const ALL = "of those that were configured at its time";

function formulasOf({ paid, avoided, left, each }: Fees): Record<Figure, string> {
  const parts = each
    .filter(({ count }) => count > 0)
    .map((one) => `${one.name} ${grouped(one.paid)} (${feeOf(one)})`);
  const sum = parts.length === 0 ? "nothing is settled yet" : parts.join(" + ");
  return {
    paid: `${sum} = ${grouped(paid)}`,
    avoided: `the dearest ${ALL}, less ${grouped(paid)} paid = ${grouped(avoided)}`,
    left: `${grouped(paid)} paid, less the cheapest ${ALL} = ${grouped(left)}`,
  };
}

function feeOf({ cents, terms }: Fees["each"][number]): string {
  return `${grouped(decimalFromCents(cents))} at ${wordsOf(terms)}`;
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
      setText(this.#figures[name].querySelector(".value")!, grouped(centsOf(fees[name])));
      setText(this.#figures[name].querySelector(".sum")!, formulas[name]);
    }
  }
}

/** Makes the table of fees, by processor and tariff. */
export function feesTable(fees: Fees, caption: string) {
  const exact = (paid: string, title: string) =>
    h("span", { title: `${title} = ${grouped(paid)}` }, grouped(centsOf(paid)));
  const rows: (string | Node)[][] = fees.each.map((one) => [
    one.name,
    String(one.tariff),
    wordsOf(one.terms),
    grouped(one.count),
    grouped(decimalFromCents(one.cents)),
    exact(one.paid, feeOf(one)),
  ]);
  const count = fees.each.reduce((sum, one) => sum + one.count, 0);
  rows.push(["all", "", "", grouped(count), grouped(fees.total), exact(fees.paid, "all")]);
  const heads = ["processor", "#tariff", "fee", "#settled", "#amount", "#fees paid"];
  return table(heads, rows, caption);
}

export class Money {
  readonly #figures = new MoneyFigures(byId("money-figures"), "money");
  #fees: Fees | null = null;
  #unpriced: readonly Unpriced[] = [];
  #shown = "";

  constructor() {
    const heads = ["processor", "tariff", "fee", "settled", "amount", "fees_paid"];
    const rows = () => [
      ...(this.#fees?.each ?? []).map(({ name, tariff, terms, count, cents, paid }) => {
        return [name, tariff, wordsOf(terms), count, decimalFromCents(cents), paid];
      }),
      // Nobody has ever known their fee.
      ...this.#unpriced.map(({ name, count, cents }) => {
        return [name, null, null, count, decimalFromCents(cents), null];
      }),
    ];
    offer(
      "money",
      "money",
      () => ({ heads, rows: rows() }),
      () => this.#fees ?? {},
    );
  }

  update({ money, gone }: LiveSnapshot): void {
    const shown = JSON.stringify([money, gone]);
    if (money === null || shown === this.#shown) return;
    this.#shown = shown;
    this.#fees = money;
    this.#unpriced = unpricedIn(money, gone);
    this.#figures.show(money);
    byId("money-table").replaceChildren(feesTable(money, "Fees by processor and tariff"));
    const note = byId("money-gone");
    setAttribute(note, "hidden", this.#unpriced.length === 0 ? "" : null);
    const others = this.#unpriced.map(({ name, count }) => `${name} (${plural(count, "payment")})`);
    setText(note, `Left out, because nobody knows their fee: ${others.join(", ")}.`);
  }
}

type Unpriced = LiveSnapshot["gone"][number];

/** Processors that were not configured any more when fees began to be kept. */
function unpricedIn({ each }: Fees, gone: readonly Unpriced[]): Unpriced[] {
  return gone.filter(({ name }) => each.every((one) => one.name !== name));
}
