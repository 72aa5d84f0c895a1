/** Makes the administrative calls of a payment processor, as the contest does. */
import { queryOf, sumOf, type Window } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";
import { centsFromAmount } from "../../shared/money.ts";
import { readInstant } from "../../worker/processor/instant.ts";
import { HttpClient, jsonOf, saidOf } from "./client.ts";
import type { Outcome } from "../../shared/http/connection.ts";
import type { Settled } from "./score.ts";
import { Trouble } from "./trouble.ts";
import type { ProcessorName, ProcessorState } from "./weather.ts";

const FIRST_TOKEN = "123";

export class Processor {
  readonly name: ProcessorName;
  /** Its share of an amount, once a summary has told it. */
  fee: number | null = null;
  readonly #client: HttpClient;
  readonly #token: string;
  #down = false;

  constructor(name: ProcessorName, client: HttpClient, token: string) {
    this.name = name;
    this.#client = client;
    this.#token = token;
  }

  /** A processor that took the token in an earlier contest has it still. */
  async setToken(): Promise<void> {
    const path = "/admin/configurations/token";
    const set = (current: string) =>
      this.#client.call("PUT", path, { "X-Rinha-Token": current }, { token: this.#token });
    let outcome = await set(FIRST_TOKEN);
    if (outcome.kind === "answer" && outcome.status === 401) outcome = await set(this.#token);
    this.#check(outcome, `PUT ${path}`);
  }

  async purge(): Promise<void> {
    await this.#admin("POST", "/admin/purge-payments");
  }

  async setWeather({ delay, failing, down = false }: ProcessorState): Promise<void> {
    if (this.#down) await this.#setDown(false);
    await this.#admin("PUT", "/admin/configurations/delay", { delay });
    await this.#admin("PUT", "/admin/configurations/failure", { failure: failing });
    if (down) await this.#setDown(true);
  }

  /** Undoes whatever anybody told it. A processor that is no simulator is never down: 404 is fine. */
  async heal(): Promise<void> {
    await this.#ask("PUT", "/simulator/down", { down: false });
    this.#down = false;
    await this.setWeather({ delay: 0, failing: false });
  }

  /** Sums what it has charged, in a window or in all; null when it does not say. */
  async summary(window: Window | null): Promise<Settled | null> {
    if (this.#down && window !== null) return this.#summaryFromList(window);
    const body = jsonOf(await this.#ask("GET", `/admin/payments-summary${queryOf(window)}`));
    if (body === null) return null;
    this.fee = Number(body["feePerTransaction"]);
    return sumOf(body);
  }

  /** Lists everything that it has charged; null when it has no such list. */
  async payments(): Promise<Recorded[] | null> {
    const outcome = await this.#ask("GET", "/simulator/payments");
    if (outcome.kind === "answer" && outcome.status === 404) return null;
    this.#check(outcome, "GET /simulator/payments");
    return Bun.JSONL.parse(outcome.kind === "answer" ? outcome.body.toString() : "") as Recorded[];
  }

  /** Finds a payment that it may have charged; null when it has not. */
  async payment(correlationId: string): Promise<Recorded | null> {
    const outcome = await this.#ask("GET", `/payments/${correlationId}`);
    if (outcome.kind === "answer" && outcome.status === 404) return null;
    this.#check(outcome, "GET /payments/{correlationId}");
    const body = jsonOf(outcome) ?? {};
    return {
      correlationId: String(body["correlationId"]).toLowerCase(),
      amountCents: centsFromAmount(Number(body["amount"])) ?? Number.NaN,
      requestedAtMs: readInstant(body["requestedAt"]) ?? Number.NaN,
    };
  }

  close(): void {
    this.#client.close();
  }

  /** A processor that takes no calls keeps its books, and the simulator shows them. */
  async #summaryFromList({ fromMs, toMs }: Window): Promise<Settled | null> {
    const all = (await this.payments()) ?? [];
    const inside = all.filter(({ requestedAtMs: at }) => at !== null && at >= fromMs && at <= toMs);
    return {
      count: inside.length,
      cents: inside.reduce((sum, { amountCents }) => sum + amountCents, 0),
    };
  }

  async #setDown(down: boolean): Promise<void> {
    await this.#admin("PUT", "/simulator/down", { down });
    this.#down = down;
  }

  async #admin(method: string, path: string, body?: unknown): Promise<void> {
    this.#check(await this.#ask(method, path, body), `${method} ${path}`);
  }

  #ask(method: string, path: string, body?: unknown): Promise<Outcome> {
    return this.#client.call(method, path, { "X-Rinha-Token": this.#token }, body);
  }

  #check(outcome: Outcome, what: string): void {
    const isFine = outcome.kind === "answer" && outcome.status >= 200 && outcome.status < 300;
    if (isFine) return;
    throw new Trouble(`processor ${this.name}, ${this.#client.url}: ${what} ${saidOf(outcome)}`);
  }
}
