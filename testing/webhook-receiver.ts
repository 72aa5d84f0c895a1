/**
 * Receives webhooks for tests as a shop would: it verifies each by the library of the specification, and
 * has moods that shops have, such as being dead, slow, hostile, or gone for good. One that is killed and
 * begins again is at the same address.
 */
import { Webhook } from "standardwebhooks";

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

export type Received = {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** Gives the answer to a webhook; null to take it. Nothing is verified before. */
export type Mood = () => Response | null;

export class WebhookReceiver implements AsyncDisposable {
  mood: Mood = () => null;
  /** Webhooks that were taken, in their order. */
  readonly taken: Received[] = [];
  /** Ids of what came with a signature that is not valid, and was refused. */
  readonly forged: string[] = [];
  /** All tries, by the id of the webhook. */
  readonly tries = new Map<string, number>();
  readonly #webhook: Webhook;
  #server: Bun.Server<undefined> | null;
  readonly port: number;

  constructor(secret = WEBHOOK_SECRET) {
    this.#webhook = new Webhook(secret);
    this.#server = this.#serve(0);
    this.port = this.#server.port as number;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/webhooks?shop=1`;
  }

  /** Settings of a worker that sends to it. */
  get env() {
    return { WEBHOOK_URL: this.url, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true" };
  }

  idsOf(type: string): string[] {
    const ofType = this.taken.filter((one) => one.type === type);
    return ofType.map(({ data }) => String(data["correlationId"]));
  }

  /** Goes away in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = null;
  }

  begin(): void {
    this.#server ??= this.#serve(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({ hostname: "127.0.0.1", port, fetch: (request) => this.#answer(request) });
  }

  async #answer(request: Request): Promise<Response> {
    const id = request.headers.get("webhook-id") ?? "";
    this.tries.set(id, (this.tries.get(id) ?? 0) + 1);
    const answer = this.mood();
    if (answer !== null) return answer;
    const headers = Object.fromEntries(request.headers);
    const body = await request.text();
    try {
      this.taken.push({ id, ...(this.#webhook.verify(body, headers) as Omit<Received, "id">) });
      return new Response(null, { status: 204 });
    } catch {
      this.forged.push(id);
      return new Response(null, { status: 401 });
    }
  }
}
