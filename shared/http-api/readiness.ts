/** Readiness with every reason, as `/readyz?verbose` of both processes gives it. */
import { boolean, list, object, text, whole, type Of } from "./schema.ts";

const reason = object(
  {
    /** Name that stays, whatever the words become; that of the incident, where it is one. */
    code: text,
    detail: text,
  },
  /** Numbers of the processes that it is about, by which an API knows itself. */
  { instances: list(whole) },
);

export const readiness = object({
  ready: boolean,
  /** All that makes it red, the one that `/readyz` tells first. */
  reasons: list(reason),
  /** Trouble that does not: others can be served. */
  warnings: list(reason),
});

export type Reason = Of<typeof reason>;
export type Readiness = Omit<Of<typeof readiness>, "ready">;
