/** Operations that every listener has: the worker answers them, an API passes them on or has its own. */
import { empty, json, later, problemReply, ref, text, type Operation } from "../openapi.ts";
import { DASHBOARD_OPERATIONS } from "./dashboard.ts";
import { CORRELATION_ID, WINDOW } from "./parameters.ts";

/** Of the worker's answers, by what both listeners have. */
export const WORKER_OPERATIONS: readonly Operation[] = [
  {
    path: "/payments/{correlationId}",
    method: "get",
    summary: "What became of a payment",
    parameters: [CORRELATION_ID],
    replies: {
      200: json("Its state, processor and times", ref("Payment")),
      404: problemReply("No payment has this id"),
    },
  },
  {
    path: "/payments-summary",
    method: "get",
    summary: "Settled payments by processor, of a window of requestedAt",
    parameters: WINDOW,
    replies: {
      200: json("Counts and exact amounts", ref("Summary")),
      400: problemReply("A bound is no instant, or from is later than to"),
    },
  },
  {
    path: "/audit",
    method: "get",
    summary: "Whether the processors have recorded what is settled here",
    replies: { 200: json("Totals of both sides, and what differs", ref("Audit")) },
  },
  {
    path: "/purge-payments",
    method: "post",
    summary: "Forgets the settled history; open payments are kept",
    guarded: "when-set",
    replies: {
      204: empty("It is forgotten, on disk too"),
      401: problemReply("The admin token is missing or wrong"),
      404: problemReply("Purging is off"),
      503: later("The journal does not answer; it may still happen"),
    },
  },
  ...DASHBOARD_OPERATIONS,
];

/** Each listener's own. */
export const OWN_OPERATIONS: readonly Operation[] = [
  {
    path: "/livez",
    method: "get",
    summary: "Whether the process runs",
    replies: { 200: text("It does") },
  },
  {
    path: "/readyz",
    method: "get",
    summary: "Whether it can do its work",
    replies: { 200: text("It can"), 503: later("It cannot, with the reason") },
  },
  {
    path: "/metrics",
    method: "get",
    summary: "Prometheus metrics",
    replies: { 200: text("In the text format of version 0.0.4") },
  },
  {
    path: "/openapi.json",
    method: "get",
    summary: "This document",
    replies: { 200: json("OpenAPI 3.1", { type: "object" }) },
  },
];
