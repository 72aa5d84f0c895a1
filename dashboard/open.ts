/**
 * Shows open payments: how many, by state and age, wherever the page is from; and which, where the
 * worker lists them.
 */
import type { JsonAt } from "../shared/http-api/table.ts";
import { decimalFromCents } from "../shared/money.ts";
import { ask, type Answer } from "./ask.ts";
import { byId, idButton, setText, table } from "./dom.ts";
import { offer, sheetOf, type Columns } from "./download.ts";
import { grouped, plural, span } from "./format.ts";

type Ages = JsonAt["/dashboard/open"];
type Listed = JsonAt["/open-payments"];

const PERIOD_MS = 3_000;
const LISTED = 50;
/** Most payments in one answer. */
const LIST_LIMIT_MAX = 1_000;
const BANDS: readonly (readonly [fromSeconds: number, label: string])[] = [
  [0, "under 1 s"],
  [1, "1 s to 10 s"],
  [10, "10 s to 1 min"],
  [60, "over 1 min"],
];

export class OpenPayments {
  readonly #show: (correlationId: string) => void;
  #ages: Ages["states"] = [];
  /** False where the worker does not list them. */
  #isListed = false;

  constructor(show: (correlationId: string) => void) {
    this.#show = show;
    for (const id of ["open-state", "open-order"]) {
      byId(id).addEventListener("change", () => void this.read());
    }
    offer(
      "open",
      "open-payments",
      async () => (this.#isListed ? sheetOf(COLUMNS, await this.#every()) : this.#sheetOfAges()),
      async () => (this.#isListed ? await this.#every() : this.#ages),
    );
    void this.read();
    setInterval(() => void this.read(), PERIOD_MS);
  }

  async read(): Promise<void> {
    if (document.hidden) return;
    const ages = await ask("/dashboard/open");
    if (!ages.ok) return setText(byId("open-note"), ages.detail);
    this.#showAges(ages.value);
    const order = byId<HTMLSelectElement>("open-order").value;
    const listed = await this.#list({ order, limit: String(LISTED) });
    document.documentElement.dataset["listed"] = listed.ok ? "here" : "elsewhere";
    this.#isListed = listed.ok;
    if (listed.ok) this.#showList(listed.value, this.#state());
  }

  #state(): string {
    return byId<HTMLSelectElement>("open-state").value;
  }

  /** Asks for payments of the state that is chosen. */
  #list(how: { readonly [name: string]: string }): Promise<Answer<Listed>> {
    const query = new URLSearchParams(how);
    if (this.#state() !== "") query.set("state", this.#state());
    return ask("/open-payments", { query });
  }

  /** Reads all of them, oldest first, for a file. */
  async #every(): Promise<Listed["payments"]> {
    const found: Listed["payments"][number][] = [];
    for (let more = true; more;) {
      const last = found.at(-1)?.correlationId;
      const behind = last === undefined ? {} : { after: last };
      const page = await this.#list({ limit: String(LIST_LIMIT_MAX), ...behind });
      if (!page.ok) throw new Error(page.detail);
      found.push(...page.value.payments);
      more = page.value.more;
    }
    return found;
  }

  #showAges({ states, complete }: Ages): void {
    this.#ages = states;
    const names = [...new Set<string>(states.map(({ state }) => state))];
    const total = states.reduce((sum, { count }) => sum + count, 0);
    const note = complete ? "" : ` These are the oldest ${grouped(total)}; there are more.`;
    setText(byId("open-note"), total === 0 ? "Nothing is open: every payment is settled." : note);
    if (total === 0) return byId("open-ages").replaceChildren();
    const rows = names.map((name) => {
      const own = states.filter(({ state }) => state === name);
      const oldest = own.map((one) => one.oldest).sort()[0] as string;
      const cents = own.reduce((sum, one) => sum + one.cents, 0);
      const counts = BANDS.map(([fromSeconds]) => {
        const band = own.find((one) => one.fromSeconds === fromSeconds);
        return band === undefined ? "·" : grouped(band.count);
      });
      const age = span(Math.max(0, (Date.now() - Date.parse(oldest)) / 1_000));
      return [name].concat(counts, grouped(decimalFromCents(cents)), age);
    });
    const heads = [...BANDS.map(([, label]) => label), "amount", "oldest"];
    byId("open-ages").replaceChildren(
      table(["state", ...heads.map((head) => `#${head}`)], rows, "Open payments by state and age"),
    );
  }

  #showList({ payments, more }: Listed, state: string): void {
    const rows = payments.map((payment) => [
      idButton(payment.correlationId, this.#show),
      payment.status,
      payment.processor ?? "–",
      grouped(payment.amount.toFixed(2)),
      span(payment.ageSeconds),
      grouped(payment.attempts),
      payment.lastReason ?? "–",
    ]);
    const heads = ["id", "state", "processor", "#amount", "#age", "#attempts", "last reason"];
    const list = byId("open-list");
    // A row that has the keyboard's focus keeps it.
    const focused = list.contains(document.activeElement)
      ? document.activeElement?.textContent
      : null;
    list.replaceChildren(...(rows.length === 0 ? [] : [table(heads, rows, "Open payments")]));
    const again = [...list.querySelectorAll("button")].find(
      ({ textContent }) => textContent === focused,
    );
    again?.focus({ preventScroll: true });
    const first = plural(payments.length, "payment");
    const none = payments.length === 0 && state !== "" ? `No open payment is ${state}.` : "";
    setText(byId("open-more"), more ? `The first ${first}; CSV and JSON have all of them.` : none);
  }

  #sheetOfAges() {
    const heads = ["state", "from_seconds", "count", "amount", "oldest"];
    const rows = this.#ages.map(({ state, fromSeconds, count, cents, oldest }) => {
      return [state, fromSeconds, count, decimalFromCents(cents), oldest];
    });
    return { heads, rows };
  }
}

const COLUMNS: Columns<Listed["payments"][number]> = {
  id: (one) => one.correlationId,
  state: (one) => one.status,
  processor: (one) => one.processor,
  amount: (one) => one.amount.toFixed(2),
  age_seconds: (one) => one.ageSeconds,
  attempts: (one) => one.attempts,
  last_reason: (one) => one.lastReason,
};
