/** The form of the contest's processors (docs/CONTRACT.md, "What a processor has to do"). */
import { answered, empty, message, TURNED_AWAY, type Call, type Whole } from "./call.ts";
import type { Asked, Form } from "./form.ts";
import { readOrder, type Order } from "./intake.ts";
import { paymentText, type Records } from "./records.ts";

const PROCESSED = message(200, "payment processed successfully");
const ALREADY_THERE = message(422, "a payment with this correlationId is already there");

export const RINHA: Form = {
  asked,
  read: readOrder,
  record,
  find,
  failed: empty(500),
  broken: message(500, "the payment could not be saved"),
  turnedAway: TURNED_AWAY,
};

function asked(call: Call): Asked {
  const path = pathOf(call);
  const id = findId(path);
  if (id === "service-health")
    return call.method === "GET" ? "health" : empty(405, { allow: "GET" });
  if (id !== null) return call.method === "GET" ? "find" : empty(405, { allow: "GET" });
  if (path !== "/payments") return empty(404);
  return call.method === "POST" ? "charge" : empty(405, { allow: "POST" });
}

function record(order: Order, atMs: number, records: Records): Whole {
  const inserted = records.insert({ ...order, recordedAtMs: Math.floor(atMs) });
  return inserted ? PROCESSED : ALREADY_THERE;
}

function find(call: Call, records: Records): Whole {
  const row = records.get(findId(pathOf(call))?.toLowerCase() ?? "");
  return row === undefined ? empty(404) : answered(200, paymentText(row));
}

function pathOf(call: Call): string {
  const query = call.path.indexOf("?");
  return query === -1 ? call.path : call.path.slice(0, query);
}

/** The id that follows `/payments/`, or null for a path that has nothing there. */
function findId(path: string): string | null {
  return path.startsWith("/payments/") && path.length > 10 ? path.slice(10) : null;
}
