/** Shows the last comparison with each processor's own books. */
import type { ProcessorAudit } from "../shared/http-api/audit.ts";
import { decimalFromCents } from "../shared/money.ts";
import { ask } from "./ask.ts";
import { byId, h, idButton, setText, table, time } from "./dom.ts";
import { offer } from "./download.ts";
import { day, grouped, plural } from "./format.ts";

const PERIOD_MS = 10_000;
const STATES: Record<ProcessorAudit["state"], string> = {
  off: "not compared",
  waiting: "waits for its first comparison",
  equal: "equal",
  drift: "differs",
  cannot: "cannot be audited: it gives no totals, or cannot be asked for a payment",
  moved: "is not asked: it has moved",
  failed: "could not be compared",
};
const KINDS = {
  missing: "we have it, the processor does not",
  extra: "the processor has it, we do not",
  amount: "the amounts differ",
  time: "the times differ",
} as const;

/** Columns of a payment that differs. */
const PAYMENT_HEADS = ["id", "how", "ours", "theirs"];

const OFF =
  "Nothing is compared: no processor has an audit-token. With one in PROCESSORS, its own books are compared with these, payment by payment where they differ, all the time.";

export class Audit {
  readonly #show: (correlationId: string) => void;
  #processors: readonly ProcessorAudit[] = [];
  #shown = "";

  constructor(show: (correlationId: string) => void) {
    this.#show = show;
    const sums = ["ours_count", "ours_amount", "theirs_count", "theirs_amount"];
    const times = ["equal_up_to", "compared_at"];
    const sheet = () => ({
      heads: ["processor", "state", ...sums, ...times, "error", ...PAYMENT_HEADS],
      rows: this.#processors.flatMap((one) => [totalsOf(one), ...differencesOf(one)]),
    });
    offer("audit", "audit", sheet, () => ({ processors: this.#processors }));
    void this.#read();
    setInterval(() => void this.#read(), PERIOD_MS);
  }

  async #read(): Promise<void> {
    if (document.hidden) return;
    const answer = await ask("/audit");
    const note = byId("audit-note");
    if (!answer.ok) {
      byId("audit-list").replaceChildren();
      this.#shown = "";
      const away = "The comparison with the processors' books is not available here.";
      return setText(note, answer.status === 404 ? away : answer.detail);
    }
    const { processors } = answer.value;
    const shown = JSON.stringify(processors);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#processors = processors;
    const off = processors.every(({ state }) => state === "off");
    setText(note, off ? OFF : "");
    if (off) return byId("audit-list").replaceChildren();
    const counts = ["#ours", "#theirs", "#payments that differ", "#they have more by"];
    const heads = ["processor", "books", ...counts, "equal up to", "compared at"];
    byId("audit-list").replaceChildren(
      table(heads, processors.map(rowOf), "Comparison with each processor's books"),
      ...processors
        .filter(({ differing }) => differing.length > 0)
        .map((one) => this.#details(one)),
    );
  }

  #details({ name, differing, differingMore }: ProcessorAudit): HTMLElement {
    const rows = differing.map(({ correlationId, kind, oursCents, theirsCents }) => [
      idButton(correlationId, this.#show),
      KINDS[kind],
      amountOf(oursCents),
      amountOf(theirsCents),
    ]);
    return h(
      "details",
      {},
      h(
        "summary",
        {},
        `${name}: ${plural(differing.length + differingMore, "payment differs", "payments differ")}`,
      ),
      table(["id", "how", "#ours", "#theirs"], rows, `Payments that differ at ${name}`),
    );
  }
}

function totalsOf({ name, state, ours, theirs, ...one }: ProcessorAudit) {
  const [mine, other] = [decimalFromCents(ours.cents), decimalFromCents(theirs.cents)];
  const totals = [ours.count, mine, theirs.count, other];
  const unused = PAYMENT_HEADS.map(() => null);
  return [name, state, ...totals, one.equalUpTo, one.checkedAt, one.error, ...unused];
}

/** Puts a row for each payment that differs below the processor's own; the totals stay empty there. */
function differencesOf({ name, state, differing }: ProcessorAudit) {
  const unused = Array.from({ length: 7 }, () => null);
  const inCents = (cents: number | null) => (cents === null ? null : decimalFromCents(cents));
  return differing.map(({ correlationId, kind, oursCents, theirsCents }) => {
    return [name, state, ...unused, correlationId, kind, inCents(oursCents), inCents(theirsCents)];
  });
}

function rowOf(compared: ProcessorAudit) {
  const { name, state, ours, theirs, differing, differingMore } = compared;
  const { equalUpTo, checkedAt, error, pending } = compared;
  const isCompared = state === "equal" || state === "drift";
  const figure = (text: string) => (isCompared ? grouped(text) : "–");
  const instant = (iso: string | null) => (iso === null ? "–" : time(iso, day(iso)));
  const underWay = pending === 0 ? "" : `, ${grouped(pending)} under way`;
  return [
    name,
    h(
      "span",
      { class: `audit-${error === null ? state : "failed"}` },
      error ?? `${STATES[state]}${underWay}`,
    ),
    figure(String(ours.count)),
    figure(String(theirs.count)),
    figure(String(differing.length + differingMore)),
    figure(signed(theirs.cents - ours.cents)),
    instant(equalUpTo),
    instant(checkedAt),
  ];
}

function amountOf(cents: number | null): string {
  return cents === null ? "–" : grouped(decimalFromCents(cents));
}

function signed(cents: number): string {
  return cents < 0 ? `-${decimalFromCents(-cents)}` : decimalFromCents(cents);
}
