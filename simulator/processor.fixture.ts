/** Calls to a model of a processor, and its answers as tests compare them. */
import { ProcessorModel, type Answer, type Call, type Pending } from "./processor.ts";

export const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
export const PROCESSED = { status: 200, body: { message: "payment processed successfully" } };

export function processor(random: () => number = () => 0): ProcessorModel {
  return new ProcessorModel({ fee: 0.05, random });
}

export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

export function call(
  method: string,
  path: string,
  body?: unknown,
  token: string | null = "123",
): Call {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method, path, contentType: "application/json", token, body: text ?? "" };
}

export function pay(correlationId: string, amount: number = 19.9, requestedAt?: string): Call {
  return call("POST", "/payments", { correlationId, amount, requestedAt }, null);
}

export const health = call("GET", "/payments/service-health", undefined, null);
export const find = (id: string) => call("GET", `/payments/${id}`, undefined, null);
export const setDelay = (delay: unknown) => call("PUT", "/admin/configurations/delay", { delay });
export const setFailure = (failure: unknown) =>
  call("PUT", "/admin/configurations/failure", { failure });
export const setFaults = (faults: unknown) => call("PUT", "/simulator/faults", faults);
export const setDown = (down: unknown) => call("PUT", "/simulator/down", { down });

/** Status and parsed body; a kind where there is no whole answer. */
export function seen(outcome: Answer | Pending) {
  if (outcome.kind !== "whole") return outcome.kind;
  const { status, body } = outcome;
  return { status, body: body === "" ? "" : JSON.parse(body) };
}

export function advanced(model: ProcessorModel, nowMs: number) {
  return model.advance(nowMs).map(({ ticket, answer }) => ({ ticket, answer: seen(answer) }));
}

export function statusOf(outcome: Answer | Pending): number | string {
  return outcome.kind === "whole" ? outcome.status : outcome.kind;
}
