/**
 * Offers an operator's decisions. The calls exist on the worker's own listener only, and every one of
 * them is refused without the admin token: there the page offers them, elsewhere it is read-only. The
 * token is kept in this page's memory and nowhere else, until it is left, reloaded or told to forget it.
 */
import type { PublicStory } from "../shared/http-api/dashboard.ts";
import type { PaymentAction, ProcessorAction, Story } from "../shared/http-api/operator.ts";
import { ask, type Answer, type Path } from "./ask.ts";
import { byId, h, setAttribute, setText } from "./dom.ts";
import { day, grouped, span } from "./format.ts";

export const MEANS: Record<ProcessorAction | PaymentAction, string> = {
  drain: "It gets no new payment. Those that are unknown there are still resolved.",
  force: "It is used whatever its breaker says, within its limit.",
  resume: "It is used as its breaker says.",
  moved: "It is the same processor at another address: what is open is asked and charged there.",
  ask: "Its processor is asked now what it has recorded.",
  hold: "Nothing more is sent for it. A call that is under way ends first, and may settle it.",
  release: "The hold ends.",
  settle: "It counts as charged by its processor, at the time it was sent with.",
  absent:
    "Its processor has not charged it and never will: it becomes free for any processor, that one too unless it is drained. If that is wrong, it is charged twice.",
};

/** Words on the buttons of a processor, which say what it then is. */
export const WORD: Record<ProcessorAction, string> = {
  drain: "drain",
  force: "force",
  resume: "automatic",
  moved: "moved",
};

/** Facts about a payment that whoever decides about it reads in the dialog. */
export type About = {
  readonly correlationId: string;
  readonly amount: string;
  readonly status: string;
  readonly processor?: string;
  readonly acceptedAt: string;
};

const LAST =
  "Asked again: it is the last processor that works. Payments are taken and kept then, and none is charged until one works again.";

type Asked = {
  readonly title: string;
  readonly path: Extract<Path, `${string}/${PaymentAction | ProcessorAction}`>;
  /** Name of the processor, or id of the payment. */
  readonly open: string;
  readonly action: keyof typeof MEANS;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Tells whether it would leave payments nowhere to go, as things are now. */
  readonly isLast: () => boolean;
};

export class OperatorDesk {
  /** Called after every decision that was carried out. */
  onDone: () => void = () => {};
  #token: string | null = null;
  #asked: Asked | null = null;
  #isAskedAgain = false;
  readonly #dialog = byId<HTMLDialogElement>("decision");
  readonly #form = byId<HTMLFormElement>("decision-form");
  readonly #answer = byId("decision-answer");

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#decide();
    });
    byId("decision-cancel").addEventListener("click", () => this.#dialog.close());
    byId("forget").addEventListener("click", () => this.#remember(null));
    this.#dialog.addEventListener("close", () => this.#form.reset());
  }

  /** Finds out whether the calls exist where this page is from. */
  async look(): Promise<void> {
    const answer = await ask("/operator/processors");
    const offered = !answer.ok && answer.status === 401;
    const off = !answer.ok && answer.detail.startsWith("Operator calls are off");
    document.documentElement.dataset["operator"] = offered ? "offered" : "none";
    setText(
      byId("access"),
      offered
        ? "Actions need the admin token."
        : off
          ? "Read-only: no ADMIN_TOKEN is set at the worker."
          : "Read-only here: actions are offered on the worker's own address.",
    );
  }

  onProcessor(name: string, action: ProcessorAction, isLast: () => boolean): void {
    const path = `/operator/processors/{name}/${action}` as const;
    const title = `${capital(WORD[action])}: ${name}`;
    this.#open({ title, path, open: name, action, facts: [], isLast });
  }

  onPayment(about: About, action: PaymentAction): void {
    const { correlationId: open } = about;
    const path = `/operator/payments/{correlationId}/${action}` as const;
    const title = `${capital(action)}: a payment of ${grouped(about.amount)}`;
    const isLast = () => false;
    this.#open({ title, path, open, action, facts: factsOf(about, Date.now()), isLast });
  }

  /** Reads as an operator does, when there is a token; else as everybody. */
  story(open: string): Promise<Answer<Story | PublicStory>> {
    return this.#token === null
      ? ask("/dashboard/payments/{correlationId}", { open })
      : ask("/operator/payments/{correlationId}", { open, headers: this.#headers() });
  }

  #open(asked: Asked): void {
    this.#asked = asked;
    this.#isAskedAgain = false;
    const { title, action, facts } = asked;
    setText(byId("decision-title"), title);
    setText(byId("decision-means"), MEANS[action]);
    setText(byId("decision-do"), capital(wordOf(action)));
    const about = byId("decision-about");
    about.replaceChildren(
      ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
    setAttribute(about, "hidden", facts.length === 0 ? "" : null);
    this.#say("", null);
    const needsEvidence = action === "settle" || action === "absent";
    setAttribute(byId("evidence-field"), "hidden", needsEvidence ? null : "");
    setAttribute(byId("unasked-field"), "hidden", action === "absent" ? null : "");
    setAttribute(byId("token-field"), "hidden", this.#token === null ? null : "");
    this.#dialog.showModal();
  }

  async #decide(): Promise<void> {
    if (this.#asked === null || this.#asksAgain(this.#asked)) return;
    const fields = new FormData(this.#form);
    const field = (name: string) => String(fields.get(name) ?? "").trim();
    const token = this.#token ?? field("token");
    const evidence = field("evidence");
    const body = {
      who: field("who"),
      why: field("why"),
      ...(evidence === "" ? {} : { evidence }),
      ...(fields.has("unasked") ? { unasked: true } : {}),
    };
    this.#say("It is being written down…", null);
    const { path, open } = this.#asked;
    const answer = await ask(path, {
      open,
      method: "POST",
      headers: { ...this.#headers(token), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) {
      if (answer.status === 401) this.#remember(null);
      return this.#say(`Refused: ${answer.detail}`, "bad");
    }
    this.#remember(token);
    this.#say(answer.value.detail, "good");
    setText(byId("last-decision"), answer.value.detail);
    this.onDone();
    this.#dialog.close();
  }

  /** Draining the last processor that works takes a second press. */
  #asksAgain({ action, isLast }: Asked): boolean {
    if (action !== "drain" || this.#isAskedAgain || !isLast()) return false;
    this.#isAskedAgain = true;
    this.#say(LAST, "bad");
    setText(byId("decision-do"), "Drain it nevertheless");
    return true;
  }

  #headers(token = this.#token ?? ""): Record<string, string> {
    return token === "" ? {} : { authorization: `Bearer ${token}` };
  }

  #remember(token: string | null): void {
    this.#token = token;
    setAttribute(byId("token-field"), "hidden", token === null ? null : "");
    setAttribute(byId("forget"), "hidden", token === null ? "" : null);
    setText(
      byId("access"),
      token === null ? "Actions need the admin token." : "You act as an operator.",
    );
  }

  #say(text: string, kind: "good" | "bad" | null): void {
    setText(this.#answer, text);
    setAttribute(this.#answer, "data-kind", kind);
  }
}

function wordOf(action: keyof typeof MEANS): string {
  return action in WORD ? WORD[action as ProcessorAction] : action;
}

function factsOf({ correlationId, amount, status, processor, acceptedAt }: About, nowMs: number) {
  const ageS = Math.max(0, Math.floor((nowMs - Date.parse(acceptedAt)) / 1_000));
  return [
    ["amount", grouped(amount)],
    ["processor", processor ?? "none yet"],
    ["age", `${span(ageS)}, accepted ${day(acceptedAt)}`],
    ["state", status],
    ["id", correlationId],
  ] as const;
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
