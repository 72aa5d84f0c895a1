import { UUID_TEXT } from "../payment.ts";

export const query = (name: string, description: string) => ({
  name,
  in: "query",
  required: false,
  description,
  schema: { type: "string" },
});

/** An id that is none is 404 as one that is not known. */
export const CORRELATION_ID = {
  name: "correlationId",
  in: "path",
  required: true,
  schema: { type: "string", pattern: UUID_TEXT },
} as const;

/** Each end is open when it is left out. */
export const WINDOW = [
  query("from", "ISO 8601 in UTC, included"),
  query("to", "ISO 8601 in UTC, included"),
];
