/**
 * Generated mutants that no test can notice, with the reason: what they change makes no difference that a
 * caller, a processor or a journal could see. They count neither as found nor as survivors.
 */
type Reason = { readonly why: string; readonly names: readonly string[] };

const REASONS: readonly Reason[] = [
  {
    why: "It is the quicker of two ways to the same result.",
    names: [
      "worker/summary.ts SummaryReader.#addAll: block % SUPER_BLOCKS === 0 && entry < sealedSupers → false",
      "worker/router.ts isDue: settlesLastMs <= firstLeftMs → settlesLastMs < firstLeftMs",
    ],
  },
  {
    why: "A count that is compared with itself alone may begin anywhere.",
    names: ["worker/pipeline/control.ts Control: 0 → 1 in `#streak = 0;`"],
  },
  {
    why: "Neither of both needs the other.",
    names: [
      "api/workers.ts AllWorkers.close: this.#questions.stop(); clearTimeout(this.#tickTimer); → clearTimeout(this.#tickTimer); this.#questions.stop();",
      "worker/journal/turn.ts TurnJournal.close: this.#ticker.stop(); await this.#parts.checkpointer.close(); → await this.#parts.checkpointer.close(); this.#ticker.stop();",
      "worker/pipeline/asking.ts Asking.remove: line.waiting.delete(one); line.nothings.delete(one); → line.nothings.delete(one); line.waiting.delete(one);",
      "worker/pipeline/addresses.ts compareAddresses: lane.movedFrom = found.from; moved.push({ lane, open: found.open }); → moved.push({ lane, open: found.open }); lane.movedFrom = found.from;",
      "worker/pipeline/caution.ts Caution.clear: this.#asking.remove(payment); this.#cleared.add(payment); → this.#cleared.add(payment); this.#asking.remove(payment);",
      "worker/pipeline/shards.ts Shards.#learn: onMap(shared.map, shared.leads); this.#follow(decisions); → this.#follow(decisions); onMap(shared.map, shared.leads);",
    ],
  },
  {
    why: "A weight that was tuned: a test of it could only repeat the number, and one beside it promises the same.",
    names: [
      "shared/link/client.ts LinkClientCore.#answered: 8 → 7 in `this.#roundTripMs += (sampleMs - this.#roundTripMs) / 8;`",
      "worker/summary.ts file: 16 → 15 in `const FETCHED_AT_ONCE = 16;`",
      "worker/router/limit.ts file: 8 → 7 in `thresholdShareMin: 1 / 8,`",
    ],
  },
];

export const EQUIVALENT: ReadonlyMap<string, string> = new Map(
  REASONS.flatMap(({ why, names }) => names.map((name) => [name, why] as const)),
);
