/**
 * The rows of the simulated database, and the log of what changed them, so that a fail-over can take back
 * what no standby has. Rows are never changed in place.
 */
import { SHARDS } from "../../shared/shards.ts";
import type { StreamRow } from "../../worker/cluster/fence.ts";
import type { ShardMap } from "../../worker/cluster/owners.ts";
import type { PaymentState, TransitionResult } from "../../worker/transitions.ts";

export type PaymentRow = {
  readonly amountCents: number;
  readonly shard: number;
  readonly state: PaymentState;
  readonly processor: number | null;
  readonly requestedAtMs: number | null;
};
export type Stream = StreamRow & {
  readonly rows: number;
  readonly answer: readonly TransitionResult[];
};
/** Shards that their owners have from those before them. */
export type MapRow = ShardMap & { readonly given: ReadonlySet<number> };
type WorkerRow = { readonly aliveUntilMs: number; readonly isSealed: boolean };
type LedgerRow = { readonly id: string; readonly processor: number; readonly amountCents: number };

const STREAMS = 64;

class Table<Key, Row> {
  readonly rows = new Map<Key, Row>();
  readonly #log: (undo: Undo) => void;

  constructor(log: (undo: Undo) => void, rows: Iterable<readonly [Key, Row]> = []) {
    this.#log = log;
    this.rows = new Map(rows);
  }

  get(key: Key): Row | undefined {
    return this.rows.get(key);
  }

  set(key: Key, row: Row): void {
    const before = this.rows.get(key);
    this.#log({
      key,
      run: () => {
        if (before === undefined) this.rows.delete(key);
        else this.rows.set(key, before);
      },
    });
    this.rows.set(key, row);
  }
}

type Undo = { readonly key: unknown; readonly run: () => void };

export class Tables {
  /** Changes, the oldest first; each is what one call has written. */
  readonly #log: Undo[][] = [];
  readonly #note = (undo: Undo) => void this.#log.at(-1)!.push(undo);
  /** Highest number of a worker. */
  readonly workerNumber = new Table<"highest", number>(this.#note, [["highest", 0]]);
  readonly workers = new Table<number, WorkerRow>(this.#note);
  readonly streams = new Table<number, Stream>(
    this.#note,
    Array.from({ length: STREAMS }, (_, i) => [i, { worker: null, batch: 0, rows: 0, answer: [] }]),
  );
  /** Rows of shards, and their version, as one. */
  readonly map = new Table<"map", MapRow>(this.#note, [
    ["map", { version: 0, owners: Array.from({ length: SHARDS }, () => null), given: new Set() }],
  ]);
  readonly payments = new Table<string, PaymentRow>(this.#note);
  readonly ledger = new Table<string, LedgerRow>(this.#note);

  /** Number of changes since the beginning. */
  get length(): number {
    return this.#log.length;
  }

  /** Begins a change; what is set until the next one belongs to it. */
  begin(): void {
    this.#log.push([]);
  }

  /** Takes changes back until so many are left. Gives the keys of the rows that they had changed. */
  rewind(length: number): Set<unknown> {
    const keys = new Set<unknown>();
    for (const { key, run } of this.#log.splice(length).flat().reverse()) {
      run();
      keys.add(key);
    }
    return keys;
  }
}
