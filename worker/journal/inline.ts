/** The journal in the caller's own thread: commits happen in `commit`, when the caller says so. */
import { SQLiteError } from "bun:sqlite";
import type { Address } from "../addresses.ts";
import type { Clock } from "../../shared/clock.ts";
import { isCorruption } from "../corruption.ts";
import type { Journal } from "./driver.ts";
import { Checkpoints } from "./checkpoints.ts";
import { GroupCommit } from "./group-commit.ts";
import type { SqliteStore } from "./store.ts";
import type { OpenRow, Transition, TransitionResult } from "../transitions.ts";
import type { OnDurable } from "./driver.ts";
import type { Priced } from "../tariffs.ts";

export class InlineJournal implements Journal {
  readonly checkpoints = new Checkpoints();
  /** Time that commits which succeeded have taken so far. */
  commitMs = 0;
  onCommit: (durationMs: number) => void = () => {};
  onCommitting: (isUnderWay: boolean) => void = () => {};
  readonly #store: SqliteStore;
  readonly #clock: Pick<Clock, "steadyMs">;
  readonly #group = new GroupCommit();

  constructor(store: SqliteStore, clock: Pick<Clock, "steadyMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  get head() {
    return this.#store.head;
  }
  get stats() {
    return this.#group.stats;
  }
  get queued() {
    return this.#group.queued;
  }
  get trouble() {
    return this.#group.trouble;
  }
  protected get isAwaited() {
    return this.#group.isAwaited;
  }

  append(transition: Transition, done: OnDurable): void {
    this.#group.append(transition, done);
  }

  /** Commits one batch; `all` takes transitions that nobody waits for, too. True when there was one. */
  commit(nowMs: number, all = true): boolean {
    const batch = this.#group.next(nowMs, all);
    if (batch === null) return false;
    const startMs = this.#clock.steadyMs();
    let results: TransitionResult[];
    this.onCommitting(true);
    try {
      results = this.#store.apply(batch);
    } catch (error) {
      this.#refuseCorruption(error);
      // A full disk or a lock is tried again. An error that is not SQLite's is a broken invariant.
      if (!(error instanceof SQLiteError)) throw error;
      this.#group.failed(nowMs, error.message);
      return true;
    } finally {
      this.onCommitting(false);
    }
    const tookMs = this.#clock.steadyMs() - startMs;
    this.commitMs += tookMs;
    this.onCommit(tookMs);
    this.#group.committed(results);
    return true;
  }

  async addresses(configured: readonly Address[]) {
    return this.#store.addresses(configured);
  }
  async tariffs(configured: readonly Priced[]) {
    return this.#store.tariffs(configured);
  }
  async open(): Promise<OpenRow[]> {
    return this.#reading(() => [...this.#store.open()]);
  }
  async rows(fromRow: number, toRow: number) {
    return this.#reading(() => this.#store.ledger.rows(fromRow, toRow));
  }
  async blocks(fromRow: number, toRow: number) {
    const processors = this.head.processors.length;
    return this.#reading(() => this.#store.blocks.totals(fromRow, toRow, processors));
  }
  async close(): Promise<void> {
    while (this.commit(Number.POSITIVE_INFINITY)) {
      if (this.trouble !== null) break;
    }
    this.finish();
    this.#store.close();
  }

  /** Called when the file is not what was written to it, so that nothing may be built on it. */
  onCorruption(_message: string): void {}
  /** Called between the last commit and the end. */
  protected finish(): void {}

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#refuseCorruption(error);
      throw error;
    }
  }

  /** Throws corruption on: to try again would be in vain, and earlier reads may have been wrong. */
  #refuseCorruption(error: unknown): void {
    if (!isCorruption(error)) return;
    this.onCorruption(error.message);
    throw error;
  }
}
