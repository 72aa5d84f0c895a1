/** The gateway and a processor as their callers see them: one function a call. */
import { decimalFromCents } from "../../shared/money.ts";
import type { Faults } from "../../simulator/processor/faults.ts";

const CALL_MS_MAX = 5_000;
const JSON_TYPE = { "content-type": "application/json" };

export type Recorded = {
  readonly correlationId: string;
  readonly amountCents: number;
  readonly requestedAtMs: number;
};
/** What a gateway says about a payment; `missing` stands for its 404. */
export type Status = {
  readonly status: string;
  readonly amountCents: number;
  readonly processor: string | null;
  readonly requestedAtMs: number | null;
  readonly acceptedAtMs: number;
  readonly settledAtMs: number | null;
};
export type Sum = { readonly count: number; readonly cents: number };
/** Both ends included; without a bound, everything. */
export type Window = { readonly fromMs: number; readonly toMs: number };

export class GatewayClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The status of the answer; null when the call broke off or took too long. */
  async pay(correlationId: string, amountCents: number): Promise<number | null> {
    try {
      const response = await fetch(`${this.url}/payments`, {
        method: "POST",
        headers: JSON_TYPE,
        body: `{"correlationId":"${correlationId}","amount":${decimalFromCents(amountCents)}}`,
        signal: AbortSignal.timeout(CALL_MS_MAX),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null; // What happened to it is for the next try to find out.
    }
  }

  async statusOf(correlationId: string): Promise<Status | "missing"> {
    const response = await get(`${this.url}/payments/${correlationId}`);
    if (response.status === 404) return "missing";
    const body = await jsonOf(response);
    const atMs = (name: string) => (body[name] === undefined ? null : Date.parse(`${body[name]}`));
    return {
      status: String(body["status"]),
      amountCents: centsOf(body["amount"]),
      processor: typeof body["processor"] === "string" ? body["processor"] : null,
      requestedAtMs: atMs("requestedAt"),
      acceptedAtMs: atMs("acceptedAt") as number,
      settledAtMs: atMs("settledAt"),
    };
  }

  /** By processor. */
  async summary(window: Window | null): Promise<Record<string, Sum>> {
    const body = await jsonOf(await get(`${this.url}/payments-summary${queryOf(window)}`));
    return Object.fromEntries(Object.entries(body).map(([name, sum]) => [name, sumOf(sum)]));
  }

  async purge(): Promise<void> {
    const response = await fetch(`${this.url}/purge-payments`, { method: "POST" });
    if (response.status !== 204) throw new Error(`purge answered ${response.status}`);
  }

  async isReady(): Promise<boolean> {
    const response = await get(`${this.url}/readyz`).catch(() => null);
    return response?.ok ?? false;
  }
}

/** A processor by its administrative calls. */
export class ProcessorClient {
  readonly name: string;
  readonly url: string;

  constructor(name: string, url: string) {
    this.name = name;
    this.url = url;
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

  /** Everything that it has charged. */
  async payments(): Promise<Recorded[]> {
    const text = await (await this.#call("GET", "/simulator/payments")).text();
    return Bun.JSONL.parse(text) as Recorded[];
  }

  async #put(path: string, body: object): Promise<void> {
    await this.#call("PUT", path, JSON.stringify(body));
  }

  async #call(method: string, path: string, body: string | null = null): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      headers: { "x-rinha-token": "123", ...(body === null ? {} : JSON_TYPE) },
      body,
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
    return response;
  }
}

function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(CALL_MS_MAX) });
}

async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return (await response.json()) as Record<string, unknown>;
}

function queryOf(window: Window | null): string {
  if (window === null) return "";
  const iso = (ms: number) => new Date(ms).toISOString();
  return `?from=${iso(window.fromMs)}&to=${iso(window.toMs)}`;
}

function sumOf(value: unknown): Sum {
  const { totalRequests, totalAmount } = value as Record<string, unknown>;
  return { count: Number(totalRequests), cents: centsOf(totalAmount) };
}

/** Sums here stay far below 2^53 cents, and a decimal read as a double is within half a cent. */
function centsOf(amount: unknown): number {
  return Math.round(Number(amount) * 100);
}
