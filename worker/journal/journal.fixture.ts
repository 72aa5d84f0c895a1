/** The transitions and drivers that tests of the journal share. */
import type { Database } from "bun:sqlite";
import { systemClock } from "../../shared/clock.ts";
import { temporaryDirectory, temporaryFile } from "../../testing/temporary.ts";
import type { Journal } from "../journal.ts";
import type { FailedAttempt, FailedWebhook, Transition, TransitionResult } from "../transitions.ts";
import { InlineJournal } from "./inline.ts";
import { openDatabase, SqliteStore, type JournalSync } from "./store.ts";
import { openJournal } from "./turn.ts";

export { temporaryDirectory, temporaryFile };

export const NAMES = ["default", "fallback"];
export const AT_MS = Date.UTC(2025, 6, 1);

/** Gives the nth of ids that differ. */
export function uuid(n: number): string {
  return `4a7901b8-7d26-4d9d-aa19-${n.toString(16).padStart(12, "0")}`;
}

type Accept = Extract<Transition, { kind: "accept" }>;
type Settle = Extract<Transition, { kind: "settle" }>;

export function accept(seq: number, more: Partial<Accept> = {}): Accept {
  return {
    kind: "accept",
    seq,
    correlationId: uuid(seq),
    amountCents: 1990,
    acceptedAtMs: AT_MS + seq,
    assignment: null,
    ...more,
  };
}

export function assign(seq: number, processor = 0, requestedAtMs = AT_MS + 100 + seq): Transition {
  return { kind: "assign", seq, assignment: { processor, requestedAtMs } };
}

/** Accepts a payment and assigns it at once. */
export function assigned(seq: number, processor = 0, more: Partial<Accept> = {}): Accept {
  return accept(seq, { assignment: { processor, requestedAtMs: AT_MS + 100 + seq }, ...more });
}

export function failed(
  kind: "release" | "unknown" | "reject" | "conflict",
  seq: number,
  processor = 0,
  reason = "test",
  code?: string,
): Transition {
  const outcome = {
    release: "refused",
    unknown: "unknown",
    reject: "rejected",
    conflict: "conflict",
  } as const;
  const attempt: FailedAttempt = { atMs: AT_MS, processor, outcome: outcome[kind], reason, code };
  return { kind, seq, attempt };
}

export function settle(seq: number, row: number, more: Partial<Settle> = {}): Settle {
  return {
    kind: "settle",
    seq,
    row,
    processor: 0,
    requestedAtMs: AT_MS + 100 + seq,
    amountCents: 1990,
    settledAtMs: AT_MS + 200 + seq,
    ...more,
  };
}

/** A webhook of the nth payment that was refused once. */
export function failedWebhook(n: number, more: Partial<FailedWebhook> = {}): FailedWebhook {
  return {
    id: `settled_${uuid(n)}`,
    correlationId: uuid(n),
    type: "payment.settled",
    endedAtMs: AT_MS + n,
    body: '{"é":1}',
    state: "retrying",
    tries: 1,
    firstAtMs: AT_MS,
    nextAtMs: AT_MS + 10 - n,
    reason: "answered 500",
    ...more,
  };
}

/** A journal, and the way to have everything that was appended in one turn answered. */
export type Opened = AsyncDisposable & {
  readonly journal: Journal;
  /** Appends all of them in one turn, and gives the results in the order in which they came. */
  apply(...transitions: Transition[]): Promise<(TransitionResult | null)[]>;
};

export type Driver = {
  readonly name: string;
  /** Why it cannot be tried here, or null. */
  readonly missing: string | null;
  open(path: string, processors?: readonly string[]): Promise<Opened>;
};

export function opened(journal: Journal, commit: () => void): Opened {
  let isOpen = true;
  return {
    journal,
    apply(...transitions) {
      const { promise, resolve } = Promise.withResolvers<(TransitionResult | null)[]>();
      const results: (TransitionResult | null)[] = [];
      for (const transition of transitions) {
        journal.append(transition, (result) => {
          results.push(result);
          if (results.length === transitions.length) resolve(results);
        });
      }
      commit();
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (isOpen) await journal.close();
      isOpen = false;
    },
  };
}

export function openInline(
  path: string,
  processors: readonly string[] = NAMES,
  sync: JournalSync = "off",
  db?: Database,
): Opened & { readonly store: SqliteStore; readonly db: Database } {
  const database = db ?? openDatabase(path, sync);
  const store = new SqliteStore(path, sync, processors, Date.now(), database);
  const journal = new InlineJournal(store, systemClock);
  let nowMs = 0;
  const commit = () => {
    while (journal.commit(nowMs) && journal.trouble === null) nowMs += 1_000;
    nowMs += 1_000;
  };
  return { ...opened(journal, commit), store, db: database };
}

async function openTurns(path: string, processors: readonly string[] = NAMES): Promise<Opened> {
  const settings = { JOURNAL: path, JOURNAL_SYNC: "off" } as const;
  return opened(await openJournal(settings, processors, systemClock), () => {});
}

/** Opens a journal in a folder of its own, which goes when the journal is closed. */
export async function openFresh(driver: Driver) {
  const directory = temporaryDirectory();
  const fresh = await driver.open(directory.file());
  return {
    ...fresh,
    async [Symbol.asyncDispose]() {
      await fresh[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

/** Drivers over SQLite whose payments are there after the journal is opened again. */
export const LASTING_DRIVERS: readonly Driver[] = [
  {
    name: "inline over a file",
    missing: null,
    open: async (path, processors) => openInline(path, processors),
  },
  { name: "by turns", missing: null, open: openTurns },
];

export const DRIVERS: readonly Driver[] = [
  {
    name: "inline in memory",
    missing: null,
    open: async (_, processors) => openInline(":memory:", processors),
  },
  ...LASTING_DRIVERS,
];
