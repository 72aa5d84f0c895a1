/** Shows one payment: its story in plain sentences, with times and reasons. */
import type { PaymentAction } from "../shared/http-api/operator.ts";
import { byId, h, setAttribute, setText, time } from "./dom.ts";
import { offer } from "./download.ts";
import { clock, day, span } from "./format.ts";
import type { OperatorDesk } from "./operator.ts";
import { sentencesOf, standingOf, type Story } from "./sentences.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
/** Decisions that are worth a try in each state; the worker decides. */
const ACTIONS: Partial<Record<string, readonly PaymentAction[]>> = {
  accepted: ["hold"],
  assigned: ["hold"],
  unknown: ["ask", "hold", "settle", "absent"],
  held: ["ask", "release", "settle", "absent"],
};

type Told = Omit<Story, "amount"> & { readonly amount: number };

/** The story of a payment goes on while it is not settled. */
const PERIOD_MS = 1_000;
const LASTING = new Set(["settled", "rejected", "conflict"]);
const IN_ADDRESS = "#payment/";

export class StoryPanel {
  readonly #desk: OperatorDesk;
  readonly #input = byId<HTMLInputElement>("story-id");
  #told: Told | null = null;
  #wanted = "";

  constructor(desk: OperatorDesk) {
    this.#desk = desk;
    byId("story-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#read();
    });
    const heads = ["at", "after_ms", "what"];
    offer(
      "story",
      "payment",
      () => ({ heads, rows: this.#rows() }),
      () => this.#told,
    );
    setInterval(() => {
      if (!document.hidden && this.#told !== null && !LASTING.has(this.#told.status)) {
        void this.readAgain();
      }
    }, PERIOD_MS);
    addEventListener("hashchange", () => this.#followAddress());
    this.#followAddress();
  }

  /** An address with a payment in it can be shared, and leads to it. */
  #followAddress(): void {
    if (!location.hash.startsWith(IN_ADDRESS)) return;
    void this.show(location.hash.slice(IN_ADDRESS.length));
    keepInView(byId("payment"));
  }

  /** Shows a payment that another panel names. */
  async show(correlationId: string): Promise<void> {
    this.#input.value = correlationId;
    byId("payment").scrollIntoView();
    // The field would call a phone's keyboard.
    byId("payment-title").focus({ preventScroll: true });
    await this.#read();
  }

  /** Reads the payment again, after a decision about it. */
  async readAgain(): Promise<void> {
    if (this.#told !== null) await this.#ask(this.#told.correlationId);
  }

  async #read(): Promise<void> {
    const id = UUID.exec(this.#input.value)?.[0];
    if (id === undefined)
      return this.#say("An id is a UUID, such as 4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3.");
    this.#wanted = id.toLowerCase();
    await this.#ask(this.#wanted);
  }

  async #ask(id: string): Promise<void> {
    const answer = await this.#desk.story(id);
    // Another payment was asked for meanwhile.
    if (id !== this.#wanted) return;
    // The story stays on the page while the gateway is away for a moment.
    if (!answer.ok)
      return answer.status === 404 || this.#told === null ? this.#say(answer.detail) : undefined;
    const same = JSON.stringify(answer.value) === JSON.stringify(this.#told);
    this.#told = answer.value;
    history.replaceState(null, "", IN_ADDRESS + id);
    if (!same) this.#tell(answer.value);
  }

  #say(text: string): void {
    this.#told = null;
    byId("story").replaceChildren();
    setAttribute(byId("story-files"), "hidden", "");
    setText(byId("story-note"), text);
  }

  #tell(told: Told): void {
    const story: Story = { ...told, amount: told.amount.toFixed(2) };
    const { status } = story;
    setText(byId("story-note"), "");
    setAttribute(byId("story-files"), "hidden", null);
    const sentences = sentencesOf(story).map(({ at, text, kind }) =>
      h(
        "li",
        { class: kind },
        time(at, clock(at, true)),
        h("span", { class: "after" }, afterOf(story, at)),
        h("span", {}, text),
      ),
    );
    const actions = (ACTIONS[status] ?? []).map((action) =>
      h("button", { type: "button", onclick: () => this.#desk.onPayment(story, action) }, action),
    );
    byId("story").replaceChildren(
      h(
        "p",
        { class: "standing" },
        h("strong", { class: `status ${status}` }, status),
        h("span", {}, standingOf(story)),
      ),
      h("p", { class: "facts" }, factsOf(story)),
      h("ol", { class: "story" }, ...sentences),
      h("p", { class: "actions operator-only" }, ...actions),
    );
  }

  #rows(): (string | number)[][] {
    if (this.#told === null) return [];
    const story: Story = { ...this.#told, amount: this.#told.amount.toFixed(2) };
    const begin = Date.parse(story.acceptedAt);
    return sentencesOf(story).map(({ at, text }) => [at, Date.parse(at) - begin, text]);
  }
}

function factsOf({ amount, correlationId, reference, acceptedAt }: Story): string {
  const named = reference === undefined ? [] : [reference];
  return [amount, correlationId, ...named, day(acceptedAt)].join(" · ");
}

/** Time in which the panels above have filled, on a slow connection too. */
const FILLED_MS = 5_000;

/** Keeps a place in view while what is above it still grows, until somebody moves the page. */
function keepInView(place: HTMLElement): void {
  const observer = new ResizeObserver(() => place.scrollIntoView({ behavior: "instant" }));
  observer.observe(document.body);
  const end = () => observer.disconnect();
  for (const act of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(act, end, { once: true, passive: true });
  }
  setTimeout(end, FILLED_MS);
}

function afterOf({ acceptedAt }: Story, at: string): string {
  const ms = Date.parse(at) - Date.parse(acceptedAt);
  return ms <= 0 ? "" : `+ ${span(ms / 1_000)}`;
}
