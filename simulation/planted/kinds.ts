/**
 * Bugs about processors that are not the contest's: those that forget what they have charged, and those that
 * decline cards. Each costs a payer twice, tells a shop that nothing was charged when it was, or leaves a
 * payment without an end. The seeds that find them have such processors (simulation/world/kinds.ts).
 */
import type { PlantedBug } from "./edits.ts";

export const BUGS_OF_KINDS: readonly PlantedBug[] = [
  {
    name: "charged again after its key was forgotten",
    seedsFrom: 32,
    seedsMax: 400,
    edits: [
      {
        file: "worker/pipeline/resolver.ts",
        find: 'if (one.step === "charge" && !this.#maySend(one.payment, lane)) {',
        replace: 'if (one.step !== "look" && one.step !== "charge") {',
      },
    ],
  },
  {
    name: "a 402 that is no word about this payment's card taken for a decline",
    seedsFrom: 29,
    seedsMax: 400,
    edits: [
      {
        file: "worker/processor/adapters/stripe.ts",
        find: 'if (error?.["type"] !== "card_error" || isAnothers) {',
        replace: "if (error === null) {",
      },
    ],
  },
  {
    name: "a decline taken for an answer that is not clear",
    seedsFrom: 13,
    seedsMax: 400,
    edits: [
      {
        file: "worker/processor/adapters/stripe.ts",
        find: '  return { kind: "rejected", reason, isFinal: true,',
        replace:
          '  if (codes.length > 0) return unknown(reason);\n  return { kind: "rejected", reason, isFinal: true,',
      },
    ],
  },
];
