/**
 * Bugs that lose no payment and charge none twice: a dearer processor, a wait without end, too many calls, a
 * wrong count. Each breaks one of R1 to R8 (simulation/world/decisions.ts, recounts.ts).
 */
import type { PlantedBug } from "./edits.ts";

export const BUGS_OF_RECOUNTS: readonly PlantedBug[] = [
  {
    name: "R1: the dearest processor before the cheapest",
    seedsMax: 50,
    edits: [
      {
        file: "worker/router/orders.ts",
        find: "sort((a, b) => compareFees(fees[a]!, fees[b]!))",
        replace: "sort((a, b) => compareFees(fees[b]!, fees[a]!))",
      },
    ],
  },
  {
    name: "R2: a cheaper processor that is down is waited for without end",
    seedsFrom: 4,
    seedsMax: 200,
    edits: [
      {
        file: "worker/router.ts",
        find: "+ marginMs >= leftMs) return true;",
        replace: "+ marginMs >= leftMs) continue;",
      },
    ],
  },
  {
    name: "R3: a drained processor gets payments",
    seedsFrom: 8,
    seedsMax: 50,
    edits: [
      {
        file: "worker/router/lane.ts",
        find: 'return this.mode !== "drained" && this.movedFrom === null;',
        replace: "return this.movedFrom === null;",
      },
    ],
  },
  {
    name: "R4: no limit to the calls in flight",
    seedsMax: 50,
    edits: [
      {
        file: "worker/router/lane.ts",
        find: "return admits && this.#inFlight < this.limit;",
        replace: "return admits;",
      },
    ],
  },
  {
    name: "R5: one payment more than the backlog takes",
    seedsFrom: 5,
    seedsMax: 100,
    edits: [
      {
        file: "worker/pipeline/intake.ts",
        find: "payments.count >= backlogMax",
        replace: "payments.count > backlogMax",
      },
    ],
  },
  {
    name: "R6: the place of a payment that was known already is not given back",
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/intake.ts",
        find: "    if (reservation !== null) giveBack(reservation);\n",
        replace: "",
      },
    ],
  },
  {
    name: "R7: a payment that is on its way told as settled",
    seedsFrom: 4,
    seedsMax: 100,
    edits: [
      {
        file: "worker/journal/records.ts",
        find: "const state = stateOf(row.state);",
        replace: "const state = stateOf(row.state === 1 ? 4 : row.state);",
      },
    ],
  },
  {
    name: "R8: a payment whose answer is unknown put on hold",
    seedsMax: 100,
    edits: [
      {
        file: "worker/payment.ts",
        find: 'moves: { assigned: "unknown", unknown: "unknown", held: "held" },',
        replace: 'moves: { assigned: "held", unknown: "held", held: "held" },',
      },
    ],
  },
];
