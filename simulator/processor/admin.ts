/** Answers the administrative calls: the contract's own, and what the simulator offers beyond it. */
import { queryMistake } from "../../shared/http-api/row.ts";
import { answered, empty, message, type Answer, type Call } from "./call.ts";
import { readFaults, type Faults } from "./faults.ts";
import { instantMs } from "./instant.ts";
import { malformed, readObject, type Read } from "./intake.ts";
import { summaryText, type Records } from "./records.ts";

/** The part of a processor that administrative calls read and set. */
type Switches = {
  readonly fee: number;
  readonly records: Records;
  readonly down: boolean;
  token: string;
  delayMs: number;
  failing: boolean;
  faults: Faults;
  setDown(down: boolean): void;
};
type Handler = (model: Switches, call: Call, query: URLSearchParams) => Answer;
type Route = {
  readonly method: string;
  /** Has the names that its query takes; any other one is 400. */
  readonly query?: object;
  readonly handle: Handler;
};

/** The limit is a day: longer than any test waits, and within what a timer can hold. */
const DELAY_MS_MAX = 86_400_000;

const BOUNDS = { from: null, to: null };
const ROUTES: Record<string, readonly Route[]> = {
  "/admin/payments-summary": [{ method: "GET", query: BOUNDS, handle: summary }],
  "/admin/configurations/delay": [{ method: "PUT", handle: setDelay }],
  "/admin/configurations/failure": [{ method: "PUT", handle: setFailure }],
  "/admin/configurations/token": [{ method: "PUT", handle: setToken }],
  "/admin/purge-payments": [{ method: "POST", handle: purge }],
  "/simulator/faults": [
    { method: "GET", handle: (model) => answered(200, JSON.stringify(model.faults)) },
    { method: "PUT", handle: setFaults },
  ],
  "/simulator/payments": [
    { method: "GET", handle: (model) => ({ kind: "rows", chunks: model.records.lines() }) },
  ],
  "/simulator/down": [{ method: "PUT", handle: setDown }],
};

export function administer(model: Switches, call: Call): Answer {
  const [path = "", query = ""] = call.path.split("?", 2);
  if (path === "/simulator/livez") return message(200, "alive");
  // A dead processor is as dead under /admin as elsewhere; /simulator is how it comes back.
  if (model.down && path.startsWith("/admin/")) return { kind: "dropped" };
  if (call.token !== model.token) return message(401, "X-Rinha-Token is missing or wrong");
  const routes = ROUTES[path];
  if (routes === undefined) return empty(404);
  const route = routes.find(({ method }) => method === call.method);
  if (route === undefined) return empty(405, { allow: routes.map((r) => r.method).join(", ") });
  const given = new URLSearchParams(query);
  const mistake = queryMistake(route, given);
  if (mistake !== null) return message(400, mistake);
  return route.handle(model, call, given);
}

function summary(model: Switches, _call: Call, bounds: URLSearchParams): Answer {
  const from = readBound("from", bounds.get("from"));
  if (!from.ok) return from.answer;
  const to = readBound("to", bounds.get("to"));
  if (!to.ok) return to.answer;
  return answered(200, summaryText(model.records.totals(from.value, to.value), model.fee));
}

function readBound(name: string, text: string | null): Read<number | null> {
  if (text === null) return { ok: true, value: null };
  const ms = instantMs(text);
  return ms === null ? malformed(`${name} is not an ISO 8601 instant`) : { ok: true, value: ms };
}

function setDelay(model: Switches, call: Call): Answer {
  const delay = readField(call, "delay", isDelay, "whole milliseconds, 0 or more");
  if (!delay.ok) return delay.answer;
  const was = model.delayMs;
  model.delayMs = delay.value;
  return answered(200, JSON.stringify({ config: "delay", was, is: delay.value }));
}

function setFailure(model: Switches, call: Call): Answer {
  const failure = readField(call, "failure", isBoolean, "true or false");
  if (!failure.ok) return failure.answer;
  const was = model.failing;
  model.failing = failure.value;
  return answered(200, JSON.stringify({ config: "failure", was, is: failure.value }));
}

function setToken(model: Switches, call: Call): Answer {
  const token = readField(call, "token", isToken, "a text that a header can carry");
  if (!token.ok) return token.answer;
  model.token = token.value;
  return empty(204);
}

function purge(model: Switches): Answer {
  model.records.purge();
  return message(200, "All payments purged.");
}

function setFaults(model: Switches, call: Call): Answer {
  const body = readObject(call);
  if (!body.ok) return body.answer;
  const faults = readFaults(body.value);
  if (!faults.ok) return faults.answer;
  model.faults = faults.value;
  return answered(200, JSON.stringify(model.faults));
}

function setDown(model: Switches, call: Call): Answer {
  const down = readField(call, "down", isBoolean, "true or false");
  if (!down.ok) return down.answer;
  model.setDown(down.value);
  return answered(200, JSON.stringify({ down: down.value }));
}

function readField<T>(
  call: Call,
  name: string,
  is: (value: unknown) => value is T,
  expected: string,
): Read<T> {
  const body = readObject(call);
  if (!body.ok) return body;
  const value = body.value[name];
  return is(value) ? { ok: true, value } : malformed(`${name} is not ${expected}`);
}

function isDelay(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= DELAY_MS_MAX;
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** True for visible ASCII: anything else would lock everybody out. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[!-~]+$/.test(value);
}
