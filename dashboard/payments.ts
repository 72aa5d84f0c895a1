/**
 * Lists payments of every state, newest first, by what somebody chooses; a page at a time, and in files.
 * It asks when it is told to, never by itself: a list of millions costs nothing while nobody looks.
 * Through an API it needs the read token, which is kept in this page's memory and nowhere else.
 */
import type { paymentPage } from "../shared/http-api/payments.ts";
import type { Of } from "../shared/http-api/schema.ts";
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { ask, type Answer } from "./ask.ts";
import { byId, h, idButton, setAttribute, setText, table, time } from "./dom.ts";
import { offer, sheetOf, type Columns } from "./download.ts";
import { day, grouped, plural } from "./format.ts";

type Page = Of<typeof paymentPage>;
type Listed = Page["payments"][number];
type Choice = readonly (readonly [name: string, value: string])[];

const LISTED = 50;
const FILE_PAGE = 1_000;
/** More than this a sheet hardly opens, and a page hardly holds. */
const FILE_MAX = 100_000;

export class Payments {
  readonly #show: (correlationId: string) => void;
  readonly #form = byId<HTMLFormElement>("payments-form");
  readonly #token = byId<HTMLInputElement>("payments-token");
  readonly #processor = byId<HTMLSelectElement>("payments-processor");
  /** The filters of the list that is shown. */
  #choice: Choice = [];
  /** Cursors of the pages up to the one that is shown; null is the first one's. */
  #cursors: (string | null)[] = [null];
  #next: string | null = null;
  #readToken: string | null = null;
  /** Number of the latest question: answers to earlier ones come too late. */
  #asked = 0;

  constructor(show: (correlationId: string) => void) {
    this.#show = show;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#token.value !== "") this.#readToken = this.#token.value;
      this.#choice = chosen(new FormData(this.#form));
      void this.#read([null]);
    });
    byId("payments-newer").addEventListener("click", () => this.#read(this.#cursors.slice(0, -1)));
    byId("payments-older").addEventListener("click", () =>
      this.#read([...this.#cursors, this.#next]),
    );
    byId("payments-forget").addEventListener("click", () => this.#forget());
    offer(
      "payments",
      "payments",
      async () => sheetOf(COLUMNS, await this.#every()),
      () => this.#every(),
    );
  }

  /** Offers the processors that there are, and those that have been. */
  update({ lanes, gone }: Pick<LiveSnapshot, "lanes" | "gone">): void {
    const names = ["", ...new Set([...lanes, ...gone].map(({ name }) => name))];
    if (names.join() === [...this.#processor.options].map(({ value }) => value).join()) return;
    const { value } = this.#processor;
    this.#processor.replaceChildren(
      ...names.map((name) => h("option", { value: name }, name === "" ? "every" : name)),
    );
    this.#processor.value = value;
  }

  #ask(limit: number, cursor: string | null): Promise<Answer<Page>> {
    const query = new URLSearchParams({
      ...Object.fromEntries(this.#choice),
      limit: String(limit),
    });
    if (cursor !== null) query.set("cursor", cursor);
    const headers = this.#readToken === null ? {} : { authorization: `Bearer ${this.#readToken}` };
    return ask("/payments", { query, headers });
  }

  async #read(cursors: (string | null)[]): Promise<void> {
    const asked = ++this.#asked;
    const answer = await this.#ask(LISTED, cursors.at(-1)!);
    if (asked !== this.#asked) return;
    if (!answer.ok) return this.#refuse(answer.status, answer.detail);
    this.#token.value = "";
    setAttribute(byId("payments-token-field"), "hidden", "");
    setAttribute(byId("payments-forget"), "hidden", this.#readToken === null ? "" : null);
    this.#cursors = cursors;
    this.#next = answer.value.next;
    this.#tell(answer.value.payments);
  }

  #refuse(status: number, detail: string): void {
    if (status === 401) {
      const isFirst = this.#readToken === null;
      this.#forget();
      setAttribute(byId("payments-token-field"), "hidden", null);
      this.#token.focus();
      return setText(
        byId("payments-note"),
        isFirst ? "Payments are listed here for whoever has the read token." : `Refused: ${detail}`,
      );
    }
    setText(byId("payments-note"), detail);
  }

  #forget(): void {
    this.#readToken = null;
    this.#token.value = "";
    setAttribute(byId("payments-forget"), "hidden", "");
    this.#clear();
    setText(byId("payments-note"), "The token is forgotten.");
  }

  #clear(): void {
    byId("payments-list").replaceChildren();
    for (const id of ["payments-files", "payments-pages"]) setAttribute(byId(id), "hidden", "");
  }

  #tell(payments: readonly Listed[]): void {
    const [page, next] = [this.#cursors.length, this.#next];
    if (payments.length === 0) {
      this.#clear();
      return setText(byId("payments-note"), "No payment is like that.");
    }
    const first = (page - 1) * LISTED + 1;
    const these = `${grouped(first)} to ${grouped(first + payments.length - 1)}`;
    setText(
      byId("payments-note"),
      next === null ? `${these}, the last ones.` : `${these}; there are more.`,
    );
    setAttribute(byId("payments-files"), "hidden", null);
    setAttribute(byId("payments-pages"), "hidden", page === 1 && next === null ? "" : null);
    byId<HTMLButtonElement>("payments-newer").disabled = page === 1;
    byId<HTMLButtonElement>("payments-older").disabled = next === null;
    const rows = payments.map((one) => [
      idButton(one.correlationId, this.#show),
      one.reference ?? "–",
      grouped(one.amount.toFixed(2)),
      one.status,
      one.processor ?? "–",
      one.requestedAt === undefined ? "waits" : time(one.requestedAt, day(one.requestedAt)),
      one.reason ?? "–",
    ]);
    const heads = ["id", "reference", "#amount", "state", "processor", "requested", "reason"];
    byId("payments-list").replaceChildren(table(heads, rows, "Payments"));
  }

  /** Reads all that the list would show, for a file. */
  async #every(): Promise<Listed[]> {
    const found: Listed[] = [];
    for (let cursor: string | null = null; ;) {
      const page: Answer<Page> = await this.#ask(FILE_PAGE, cursor);
      if (!page.ok) throw new Error(page.detail);
      found.push(...page.value.payments);
      cursor = page.value.next;
      if (cursor === null) return found;
      if (found.length >= FILE_MAX) {
        const most = `A file takes ${plural(FILE_MAX, "payment")}: choose fewer, or run worker export.`;
        setText(byId("payments-note"), most);
        throw new Error(most);
      }
    }
  }
}

/** Gives what is filled in; instants of the fields are local. */
function chosen(fields: FormData): Choice {
  return ["status", "processor", "reference", "from", "to"].flatMap((name) => {
    const value = String(fields.get(name) ?? "");
    if (value === "") return [];
    const isInstant = name === "from" || name === "to";
    return [[name, isInstant ? new Date(value).toISOString() : value] as const];
  });
}

const COLUMNS: Columns<Listed> = {
  id: (one) => one.correlationId,
  reference: (one) => one.reference,
  amount: (one) => one.amount.toFixed(2),
  state: (one) => one.status,
  processor: (one) => one.processor,
  requested_at: (one) => one.requestedAt,
  accepted_at: (one) => one.acceptedAt,
  settled_at: (one) => one.settledAt,
  fee: (one) => one.fee,
  tariff: (one) => one.tariff,
  reason: (one) => one.reason,
};
