/** Makes the administrative calls of a simulated processor: its weather, and what it has charged. */
import type { Faults } from "../simulator/processor/faults.ts";
import { CALL_MS_MAX, JSON_TYPE, queryOf, sumOf, type Sum, type Window } from "./gateway.ts";

/** The contract's own token, until somebody sets another. */
const TOKEN = "123";

export type Recorded = {
  readonly correlationId: string;
  readonly amountCents: number;
  /** Null where a processor keeps no instant of ours. */
  readonly requestedAtMs: number | null;
};

export class ProcessorAdmin {
  readonly name: string;
  readonly url: string;

  /** Its records have the instant that a charge was requested at. */
  readonly keepsInstants: boolean;

  constructor(name: string, url: string, keepsInstants = true) {
    this.name = name;
    this.url = url;
    this.keepsInstants = keepsInstants;
  }

  setDelay(delay: number): Promise<void> {
    return this.#put("/admin/configurations/delay", { delay });
  }
  setFailure(failure: boolean): Promise<void> {
    return this.#put("/admin/configurations/failure", { failure });
  }
  setFaults(faults: Partial<Faults>): Promise<void> {
    return this.#put("/simulator/faults", faults);
  }
  setDown(down: boolean): Promise<void> {
    return this.#put("/simulator/down", { down });
  }

  async heal(): Promise<void> {
    await this.setDown(false);
    await this.setFaults({});
    await this.setFailure(false);
    await this.setDelay(0);
  }

  async purge(): Promise<void> {
    await this.#call("POST", "/admin/purge-payments");
  }

  async summary(window: Window | null): Promise<Sum> {
    return sumOf(
      await (await this.#call("GET", `/admin/payments-summary${queryOf(window)}`)).json(),
    );
  }

  /** Lists everything that it has charged: what is charged twice, twice under its id. */
  async payments(): Promise<Recorded[]> {
    const text = await (await this.#call("GET", "/simulator/payments")).text();
    return (Bun.JSONL.parse(text) as Recorded[]).map((row) => ({
      correlationId: row.correlationId.replace(/#\d+$/, ""),
      amountCents: row.amountCents,
      requestedAtMs: this.keepsInstants ? row.requestedAtMs : null,
    }));
  }

  async #put(path: string, body: object): Promise<void> {
    await this.#call("PUT", path, JSON.stringify(body));
  }

  async #call(method: string, path: string, body: string | null = null): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: { "x-rinha-token": TOKEN, ...(body === null ? {} : JSON_TYPE) },
      body,
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
    return response;
  }
}
