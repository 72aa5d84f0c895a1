import type { Verdict } from "../../../shared/verdict.ts";
import { KIND, type Datagram } from "./datagram.ts";

/** Codes of docs/PROTOCOL.md, in their order. */
const CODES = ["stored", "duplicate", "conflict", "busy", "invalid"] as const;

export type SaidVerdict = {
  readonly sequence: number;
  readonly correlationId: string;
  readonly verdict: Verdict;
};

/** Reads what a frame of a worker says of payments; of a frame that a worker has made. */
export function verdictsIn({ kind, payload }: Datagram): SaidVerdict[] {
  const flat = payload as never[];
  const said: SaidVerdict[] = [];
  const width = kind === KIND.elsewhere ? 3 : 4;
  for (let at = 0; at < flat.length; at += width) {
    const [sequence, correlationId, code, retryAfterMs] = flat.slice(at, at + width);
    const name = CODES[code!];
    const verdict: Verdict =
      kind === KIND.elsewhere
        ? { kind: "elsewhere", mapVersion: code! }
        : name === "busy"
          ? { kind: "busy", retryAfterMs: retryAfterMs! }
          : { kind: name! };
    said.push({ sequence: sequence!, correlationId: correlationId!, verdict });
  }
  return said;
}

/** Gives the fields by which a worker says it. */
export function flatOf({ sequence, correlationId, verdict }: SaidVerdict): unknown[] {
  if (verdict.kind === "elsewhere") return [sequence, correlationId, verdict.mapVersion];
  const delayMs = verdict.kind === "busy" ? Math.round(verdict.retryAfterMs) : 0;
  return [sequence, correlationId, CODES.indexOf(verdict.kind), delayMs];
}
