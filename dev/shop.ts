/**
 * A small shop for game day, as docs/WEBHOOKS.md describes one: it notes which payments it was answered 202
 * for, is told by webhooks what became of them, verifies each and knows those that it had, and reads the same
 * from `GET /events`, page by page. So that one sees, also while the worker is killed, that each payment is told
 * of, by both ways. What it knows is in memory: dev begins with nothing.
 */
import { Webhook } from "standardwebhooks";
import { urlOf } from "../simulator/server.ts";

const HOST = "127.0.0.1";
const LOOK_MS = 500;
const SAY_MS = 5_000;
/** Webhooks that it recognises; a try comes again within minutes. */
const SEEN_MAX = 20_000;

type Event = {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly correlationId: string; readonly amount: number; processor: string };
};
type Ways = { byWebhook: boolean; byEvents: boolean };

export class Shop implements AsyncDisposable {
  readonly token = crypto.randomUUID();
  readonly #secret = `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64")}`;
  readonly #server: Bun.Server<undefined>;
  /** Payments of which it is not told by both ways yet. */
  readonly #waiting = new Map<string, Ways>();
  readonly #seen = new Set<string>();
  #taken = 0;
  #byWebhook = 0;
  #byEvents = 0;
  #repeated = 0;
  #forged = 0;
  #newest: Event | null = null;
  #isOver = false;
  #saying: Timer | null = null;

  constructor() {
    const webhook = new Webhook(this.#secret);
    this.#server = Bun.serve({
      hostname: HOST,
      port: 0,
      development: false,
      fetch: (request) => this.#receive(webhook, request),
    });
  }

  /** Settings of a worker that tells it. */
  get env(): Record<string, string> {
    const WEBHOOK_URL = `${urlOf(HOST, this.#server.port as number)}/webhooks`;
    return { WEBHOOK_URL, WEBHOOK_SECRET: this.#secret, WEBHOOK_ALLOW_PRIVATE: "true" };
  }

  /** Is to be called before the payment is posted: it may be settled before its shop has the 202. */
  posts(correlationId: string): void {
    this.#waiting.set(correlationId, { byWebhook: false, byEvents: false });
  }

  /** `status`: null when the call broke off, after which it may have been taken. */
  wasAnswered(correlationId: string, status: number | null): void {
    if (status === 202) this.#taken++;
    else if (status !== null) this.#waiting.delete(correlationId);
  }

  /** Reads the events of an API, and says now and then how it stands, until it is over. */
  begin(apiUrl: string, say: (text: string) => void): void {
    this.#saying = setInterval(() => say(this.describe()), SAY_MS);
    void this.#follow(apiUrl);
  }

  /** Says in a sentence what it knows. */
  describe(): string {
    const again = this.#repeated === 0 ? "" : `, ${this.#repeated} came twice and were recognised`;
    const forged = this.#forged === 0 ? "" : `, ${this.#forged} had no valid signature`;
    const newest = this.#newest === null ? "" : ` The newest: ${sayOf(this.#newest)}.`;
    return (
      `The shop was answered 202 for ${this.#taken} payments, told of ${this.#byWebhook} by webhooks${again}${forged}, ` +
      `and has read of ${this.#byEvents} at GET /events.${newest}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#saying !== null) clearInterval(this.#saying);
    await this.#server.stop(true);
  }

  async #receive(webhook: Webhook, request: Request): Promise<Response> {
    const body = await request.text();
    try {
      webhook.verify(body, Object.fromEntries(request.headers));
    } catch {
      this.#forged++;
      return new Response("no", { status: 401 });
    }
    const id = request.headers.get("webhook-id") as string;
    if (this.#seen.has(id)) this.#repeated++;
    else this.#told({ ...(JSON.parse(body) as Omit<Event, "id">), id }, "byWebhook");
    this.#seen.add(id);
    if (this.#seen.size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value as string);
    return new Response(null, { status: 204 });
  }

  async #follow(apiUrl: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.token}` };
    for (let after = ""; !this.#isOver;) {
      const answer = await fetch(`${apiUrl}/events${after}`, { headers }).catch(() => null);
      // The worker may be away for a moment: the cursor holds.
      const page = answer?.ok === true ? ((await answer.json()) as Page) : null;
      for (const event of page?.events ?? []) this.#told(event, "byEvents");
      if (page !== null) after = `?after=${page.next}`;
      if (page === null || page.events.length === 0) await Bun.sleep(LOOK_MS);
    }
  }

  #told(event: Event, by: keyof Ways): void {
    const { correlationId } = event.data;
    const ways = this.#waiting.get(correlationId);
    // Somebody else has posted it.
    if (ways === undefined || ways[by]) return;
    ways[by] = true;
    if (by === "byWebhook") this.#byWebhook++;
    else this.#byEvents++;
    this.#newest = event;
    if (ways.byWebhook && ways.byEvents) this.#waiting.delete(correlationId);
  }
}

type Page = { readonly events: readonly Event[]; readonly next: string };

function sayOf({ type, data }: Event): string {
  return `${data.amount} is ${type.replace("payment.", "")} at ${data.processor}`;
}
