/** One payment: its story in plain sentences, with times and reasons. */
import { byId, h, setAttribute, setText, time } from "./dom.ts";
import { clock, day } from "./format.ts";
import type { OperatorDesk, PaymentAction } from "./operator.ts";
import { sentencesOf, standingOf, type Story } from "./sentences.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
/** What is worth a try in which state; the worker decides. */
const ACTIONS: Partial<Record<string, readonly PaymentAction[]>> = {
  accepted: ["hold"],
  assigned: ["hold"],
  unknown: ["ask", "hold", "settle", "absent"],
  held: ["ask", "release", "settle", "absent"],
};

type Told = Omit<Story, "amount"> & { readonly amount: number };

export class StoryPanel {
  readonly #desk: OperatorDesk;
  readonly #input = byId<HTMLInputElement>("story-id");
  #told: Told | null = null;

  constructor(desk: OperatorDesk) {
    this.#desk = desk;
    byId("story-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#read();
    });
  }

  /** From another panel. */
  async show(correlationId: string): Promise<void> {
    this.#input.value = correlationId;
    byId("payment").scrollIntoView();
    this.#input.focus({ preventScroll: true });
    await this.#read();
  }

  /** What is told now, for a download. */
  get told(): object | null {
    return this.#told;
  }

  /** After a decision about it. */
  async readAgain(): Promise<void> {
    if (this.#told !== null) await this.#read();
  }

  async #read(): Promise<void> {
    const id = UUID.exec(this.#input.value)?.[0];
    if (id === undefined)
      return this.#say("An id is a UUID, such as 4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3.");
    const answer = await this.#desk.read<Told>(
      `/operator/payments/${id}`,
      `/dashboard/payments/${id}`,
    );
    if (!answer.ok) return this.#say(answer.detail);
    this.#told = answer.value;
    this.#tell(answer.value);
  }

  #say(text: string): void {
    this.#told = null;
    byId("story").replaceChildren();
    setAttribute(byId("story-files"), "hidden", "");
    setText(byId("story-note"), text);
  }

  #tell(told: Told): void {
    const story: Story = { ...told, amount: told.amount.toFixed(2) };
    const { correlationId, status } = story;
    setText(byId("story-note"), "");
    setAttribute(byId("story-files"), "hidden", null);
    const sentences = sentencesOf(story).map(({ at, text, kind }) =>
      h("li", { class: kind }, time(at, clock(at, true)), h("span", {}, text)),
    );
    const actions = (ACTIONS[status] ?? []).map((action) =>
      h(
        "button",
        { type: "button", onclick: () => this.#desk.onPayment(correlationId, action) },
        action,
      ),
    );
    byId("story").replaceChildren(
      h(
        "p",
        { class: "standing" },
        h("strong", { class: `status ${status}` }, status),
        h("span", {}, standingOf(story)),
      ),
      h("p", { class: "facts" }, `${story.amount} · ${correlationId} · ${day(story.acceptedAt)}`),
      h("ol", { class: "story" }, ...sentences),
      h("p", { class: "actions operator-only" }, ...actions),
    );
  }
}
