/** The gateway as the contest calls it. */
import { queryOf, sumOf, type Window } from "../../testing/gateway.ts";
import { HttpClient, jsonOf, saidOf } from "./client.ts";
import type { Settled } from "./score.ts";
import { Trouble } from "./trouble.ts";

export class Gateway {
  readonly #client: HttpClient;
  readonly #adminToken: string | null;

  constructor(client: HttpClient, adminToken: string | null) {
    this.#client = client;
    this.#adminToken = adminToken;
  }

  async purge(): Promise<void> {
    const token = this.#adminToken;
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    const outcome = await this.#client.call("POST", "/purge-payments", headers);
    const status = outcome.kind === "answer" ? outcome.status : 0;
    if (status >= 200 && status < 300) return;
    const said = `POST ${this.#client.url}/purge-payments ${saidOf(outcome)}`;
    if (status === 404) throw new Trouble(`${said}: the gateway needs PURGE_ENABLED=true`);
    if (status === 401) throw new Trouble(`${said}: --admin-token has to be its ADMIN_TOKEN`);
    throw new Trouble(said);
  }

  /** Sums by processor; null when there is no answer. */
  async summary(window: Window): Promise<Record<string, Settled> | null> {
    const outcome = await this.#client.call("GET", `/payments-summary${queryOf(window)}`);
    const body = jsonOf(outcome);
    if (body === null) return null;
    return Object.fromEntries(Object.entries(body).map(([name, sum]) => [name, sumOf(sum)]));
  }

  /** Live figures of the gateway; null when it gives none. */
  async live(): Promise<Record<string, unknown> | null> {
    return jsonOf(await this.#client.call("GET", "/dashboard/live?once"));
  }

  close(): void {
    this.#client.close();
  }
}
