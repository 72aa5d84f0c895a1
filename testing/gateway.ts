/** The gateway as its callers see it: a function for each call. */
import { eachOf } from "./each.ts";
import { decimalFromCents } from "../shared/money.ts";
import { Unanswered } from "./until.ts";

/** Ends a call that is never answered. */
export const CALL_MS_MAX = 20_000;
export const JSON_TYPE = { "content-type": "application/json" };

/** The gateway's word on a payment; `missing` stands for its 404. */
export type Status = {
  readonly status: string;
  readonly amountCents: number;
  readonly processor: string | null;
  readonly requestedAtMs: number | null;
  readonly acceptedAtMs: number;
  readonly settledAtMs: number | null;
  /** Fee of a settled payment, as a double, and the number of its tariff; null where none is told. */
  readonly fee: number | null;
  readonly tariff: number | null;
};
export type Sum = { readonly count: number; readonly cents: number };
/** A window with both ends included; null instead of one takes everything. */
export type Window = { readonly fromMs: number; readonly toMs: number };

export class GatewayClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The status of the answer; null when the call broke off or took too long. */
  async pay(
    correlationId: string,
    amountCents: number,
    more: { readonly source?: string; readonly reference?: string } = {},
  ): Promise<number | null> {
    const rest = JSON.stringify(more).slice(1, -1);
    const added = rest === "" ? "" : `,${rest}`;
    try {
      const response = await fetch(`${this.url}/payments`, {
        method: "POST",
        headers: JSON_TYPE,
        body: `{"correlationId":"${correlationId}","amount":${decimalFromCents(amountCents)}${added}}`,
        signal: AbortSignal.timeout(CALL_MS_MAX),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null; // The next try finds out what happened to it.
    }
  }

  async statusOf(correlationId: string): Promise<Status | "missing"> {
    const response = await this.ask(`/payments/${correlationId}`);
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
      fee: body["fee"] === undefined ? null : Number(body["fee"]),
      tariff: body["tariff"] === undefined ? null : Number(body["tariff"]),
    };
  }

  /** Gives the payment's status alone. */
  async stateOf(correlationId: string): Promise<string> {
    const status = await this.statusOf(correlationId);
    return status === "missing" ? status : status.status;
  }

  /** True when each of these payments has settled. */
  async areSettled(correlationIds: readonly string[]): Promise<boolean> {
    const states = await eachOf(correlationIds, (id) => this.stateOf(id));
    return states.every((state) => state === "settled");
  }

  /** Sums by processor. */
  async summary(window: Window | null): Promise<Record<string, Sum>> {
    const body = await jsonOf(await this.ask(`/payments-summary${queryOf(window)}`));
    return Object.fromEntries(Object.entries(body).map(([name, sum]) => [name, sumOf(sum)]));
  }

  async purge(): Promise<void> {
    const response = await fetch(`${this.url}/purge-payments`, { method: "POST" });
    if (response.status !== 204) throw new Error(`purge answered ${response.status}`);
  }

  async isReady(): Promise<boolean> {
    const response = await this.ask("/readyz").catch(() => null);
    return response?.ok ?? false;
  }

  async metrics(): Promise<string> {
    return (await this.ask("/metrics")).text();
  }

  /** Value of one series, as it is printed. */
  async metric(series: string): Promise<string | undefined> {
    const lines = (await this.metrics()).split("\n");
    return lines.find((line) => line.startsWith(`${series} `))?.slice(series.length + 1);
  }

  /** Gives what a page of the dashboard would be told now. */
  async live(): Promise<unknown> {
    return (await this.ask("/dashboard/live?once")).json();
  }

  /** Rejects with `Unanswered` when nobody answers within `msMax`. */
  async ask(path: string, msMax: number = CALL_MS_MAX): Promise<Response> {
    try {
      return await fetch(this.url + path, { signal: AbortSignal.timeout(msMax) });
    } catch (error) {
      throw new Unanswered(`${this.url}${path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  const said = `${response.url} answered ${response.status}`;
  // A worker that starts, or whose journal is in doubt, says so, and is asked again.
  if (response.status === 503) throw new Unanswered(said);
  if (!response.ok) throw new Error(said);
  return (await response.json()) as Record<string, unknown>;
}

export function queryOf(window: Window | null): string {
  if (window === null) return "";
  const iso = (ms: number) => new Date(ms).toISOString();
  return `?from=${iso(window.fromMs)}&to=${iso(window.toMs)}`;
}

/** Reads a sum: a decimal read as a double is within half a cent of what it says. */
export function sumOf(value: unknown): Sum {
  const { totalRequests, totalAmount } = value as Record<string, unknown>;
  return { count: Number(totalRequests), cents: centsOf(totalAmount) };
}

/** Sums here stay far below 2^53 cents, and a decimal read as a double is within half a cent. */
function centsOf(amount: unknown): number {
  return Math.round(Number(amount) * 100);
}
