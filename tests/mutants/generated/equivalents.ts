/**
 * Generated mutants that no test can notice, with the reason: what they change makes no difference that a
 * caller, a processor or a journal could see. They count neither as found nor as survivors.
 */
type Reason = { readonly why: string; readonly names: readonly string[] };

const REASONS: readonly Reason[] = [
  {
    why: "It is the quicker of two ways to the same result.",
    names: [
      "worker/summary.ts SummaryReader.#passOver: block % blocks !== 0 → false",
      "worker/summary.ts SummaryReader.#passOver: continue; → nothing",
      "worker/summary.ts SummaryReader.#passOver: 1 → 2 in `const next = (Math.floor(piece / SUPER_BLOCKS) + 1) * SUPER_BLOCKS;`",
      "worker/router.ts isDue: settlesLastMs <= firstLeftMs → settlesLastMs < firstLeftMs",
    ],
  },
  {
    why: "Only how many there are is used, and not what they are.",
    names: [
      "worker/ledger.ts allocateLedger: 2 → 0 in `ring: [1, 2, 3].map(() => new SharedArrayBuffer(slots * 8)),`",
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
      "shared/link/client.ts LinkClientCore.#retransmit: this.#lossAtMs = nowMs; this.#window = Math.max(this.#options.windowMin, this.#window / 2); → this.#window = Math.max(this.#options.windowMin, this.#window / 2); this.#lossAtMs = nowMs;",
      "worker/ledger.ts widen: minMs[piece] = isFirst ? fromMs : Math.min(minMs[piece] as number, fromMs); maxMs[piece] = isFirst ? toMs : Math.max(maxMs[piece] as number, toMs); → maxMs[piece] = isFirst ? toMs : Math.max(maxMs[piece] as number, toMs); minMs[piece] = isFirst ? fromMs : Math.min(minMs[piece] as number, fromMs);",
      "worker/ledger.ts LedgerWriter.#startAt: this.#head = baseRow; Atomics.store(this.#cells, BASE, baseRow); → Atomics.store(this.#cells, BASE, baseRow); this.#head = baseRow;",
      "shared/link/frame.ts seal: bytes.writeUInt32BE(head.incarnation, 8); bytes.writeUInt32BE(head.sequence, 12); → bytes.writeUInt32BE(head.sequence, 12); bytes.writeUInt32BE(head.incarnation, 8);",
      "worker/summary.ts restore: totals.counts.set(before.counts); totals.cents.set(before.cents); → totals.cents.set(before.cents); totals.counts.set(before.counts);",
      "worker/pipeline.ts Pipeline.#sendAgain: this.#resolver.charged(due); this.#route(payment, next, tries + 1); → this.#route(payment, next, tries + 1); this.#resolver.charged(due);",
      "worker/pipeline/asking.ts Asking.remove: line.waiting.delete(one); line.nothings.delete(one); → line.nothings.delete(one); line.waiting.delete(one);",
      "worker/pipeline/addresses.ts compareAddresses: lane.movedFrom = found.from; moved.push({ lane, open: found.open }); → moved.push({ lane, open: found.open }); lane.movedFrom = found.from;",
      "worker/pipeline/caution.ts Caution.clear: this.#asking.remove(payment); this.#cleared.add(payment); → this.#cleared.add(payment); this.#asking.remove(payment);",
      "worker/pipeline/shards.ts Shards.#learn: onMap(shared.map, shared.leads); this.#follow(decisions); → this.#follow(decisions); onMap(shared.map, shared.leads);",
    ],
  },
  {
    why: "A tick, a piece or a place more finds nothing else to do, and the same comes of it.",
    names: [
      "api/workers.ts AllWorkers.#learn: isNew → true",
      "worker/ledger.ts allocateLedger: 4 → 5 in `cursor: new SharedArrayBuffer(4 * 4),` (2)",
      "worker/pipeline/recovery.ts rebuildLedger: BLOCK_TOTALS_PER_READ / ledger.memory.processors → BLOCK_TOTALS_PER_READ * ledger.memory.processors",
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

/**
 * True of a mutant whose change is promised to nobody, so that the simulation is not asked for it: a constant of a
 * file that was tuned is one more or one less. Unit tests may well hold it, and are asked.
 */
export function isUnpromised(name: string): boolean {
  const [, from, to] = /^\S+ file: ([\d.]+) → ([\d.]+) in /.exec(name) ?? [];
  return Number(from) > 1 && Math.abs(Number(from) - Number(to)) === 1;
}
