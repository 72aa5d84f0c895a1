/** What the dashboard's page reads; anybody else may, too. */
import { json, later, problemReply, ref, type Operation } from "../openapi.ts";
import { CORRELATION_ID, query, WINDOW } from "./parameters.ts";

export const DASHBOARD_OPERATIONS: readonly Operation[] = [
  {
    path: "/dashboard",
    method: "get",
    summary: "The page",
    replies: {
      200: { description: "HTML", content: { "text/html": { schema: { type: "string" } } } },
    },
  },
  {
    path: "/dashboard/live",
    method: "get",
    summary: "Live figures, once a second",
    parameters: [query("once", "one answer as JSON instead of a stream of events")],
    replies: {
      200: {
        description:
          "A stream of `live` events, or one answer with ?once or Accept: application/json",
        content: {
          "text/event-stream": { schema: { type: "string" } },
          "application/json": { schema: ref("Live") },
        },
      },
      503: later("Too many are watching, or the worker is shutting down or does not answer"),
    },
  },
  {
    path: "/dashboard/open",
    method: "get",
    summary: "Open payments by state and age",
    replies: { 200: json("Counts and cents", ref("Ages")) },
  },
  {
    path: "/dashboard/curve",
    method: "get",
    summary: "Settled payments of a window over time",
    parameters: [...WINDOW, query("format", "json or csv; without it, what Accept says")],
    replies: {
      200: {
        description: "At most 300 buckets of requestedAt",
        content: {
          "application/json": { schema: ref("Curve") },
          "text/csv": { schema: { type: "string" } },
        },
      },
      400: problemReply("A bound is no instant, or the format is none"),
    },
  },
  {
    path: "/dashboard/payments/{correlationId}",
    method: "get",
    summary: "The story of a payment, without what operators said",
    parameters: [CORRELATION_ID],
    replies: {
      200: json("Attempts and decisions", ref("PublicStory")),
      404: problemReply("No payment has this id"),
    },
  },
];
