/** What the processors' fees came to, what waiting for the cheap one saved, and what more was possible. */
import { feesOf, type Charged, type Fees } from "../shared/fees.ts";
import type { LiveSnapshot } from "../shared/live.ts";
import { byId, h, setAttribute, setText, table } from "./dom.ts";
import { grouped, plural } from "./format.ts";

export function formulasOf(fees: Fees): Record<"paid" | "avoided" | "left", string> {
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

/** The table of fees, for whatever was settled where. */
export function feesTable(fees: Fees, counts: ReadonlyMap<string, number>, caption: string) {
  const number = (name: string) => ({ number: name });
  const rows = fees.each.map(({ name, fee, amount, paid }) => [
    name,
    String(fee),
    grouped(counts.get(name) ?? 0),
    grouped(amount),
    grouped(paid),
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
  #shown = "";

  update({ lanes, gone }: LiveSnapshot): void {
    const charged = lanes.map(({ name, fee, settled }) => ({ name, fee, cents: settled.cents }));
    const fees = feesOf(charged);
    const shown = JSON.stringify([charged, gone]);
    if (fees === null || shown === this.#shown) return;
    this.#shown = shown;
    const formulas = formulasOf(fees);
    for (const name of ["paid", "avoided", "left"] as const) {
      const element = byId(`money-${name}`);
      setText(element.querySelector(".value")!, grouped(fees[name]));
      setText(element.querySelector(".formula")!, formulas[name]);
    }
    const counts = new Map(lanes.map(({ name, settled }) => [name, settled.count]));
    byId("money-table").replaceChildren(feesTable(fees, counts, "Fees by processor"));
    const note = byId("money-gone");
    setAttribute(note, "hidden", gone.length === 0 ? "" : null);
    const others = gone.map(({ name, count }) => `${name} (${plural(count, "payment")})`);
    note.replaceChildren(
      h(
        "span",
        {},
        `Left out, because their fee is not configured any more: ${others.join(", ")}.`,
      ),
    );
  }
}
