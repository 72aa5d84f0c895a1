/** Payments that were settled long before the run: more than the ledger's ring holds. */
import { checkBlocks, forgetBlocks } from "./blocks.ts";
import type { Scene } from "./scene.ts";
import { SqliteStore } from "../../worker/journal/store.ts";
import type { Transition } from "../../worker/transitions.ts";

const DAY_MS = 86_400_000;

export function writeHistory(world: Scene): void {
  const { plan, chance, disk, time, models, processors } = world;
  if (plan.history === 0) return;
  const names = processors.map(({ name }) => name);
  const store = new SqliteStore("disk", "full", names, time.wallMs() - DAY_MS, disk.db);
  const transitions: Transition[] = [];
  for (let row = 0; row < plan.history; row++) {
    const correlationId = chance.uuid();
    const amountCents = chance.between(1, 99_999);
    const processor = chance.between(0, names.length - 1);
    const requestedAtMs = time.wallMs() - DAY_MS + row * 10 + chance.between(0, 200);
    const seq = store.head.nextSeq + row;
    const acceptedAtMs = requestedAtMs;
    const assignment = { processor, requestedAtMs };
    transitions.push({ kind: "accept", seq, correlationId, amountCents, acceptedAtMs, assignment });
    const settledAtMs = requestedAtMs + 1;
    transitions.push({
      kind: "settle",
      seq,
      row,
      processor,
      requestedAtMs,
      amountCents,
      settledAtMs,
    });
    const recordedAtMs = settledAtMs;
    models[processor]!.records.insert({ correlationId, amountCents, requestedAtMs, recordedAtMs });
  }
  world.onApplied(transitions, store.apply(transitions), plan.tariffs[0]!);
  checkBlocks(disk);
  if (plan.history % 2 === 1) forgetBlocks(disk);
}
