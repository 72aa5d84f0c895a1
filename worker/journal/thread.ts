/** The journal's driver for production: group commit here, the store in a thread of its own. */
import type { Clock } from "../../shared/clock.ts";
import type { Journal, OnDurable } from "../journal.ts";
import { GroupCommit } from "./group-commit.ts";
import { allResults, packTransitions, type JournalCommand, type JournalReply } from "./protocol.ts";
import type { JournalSync } from "./store.ts";
import type { BlockTotals, JournalHead, LedgerRows, OpenRow, Transition } from "../transitions.ts";

/** What nobody waits for is committed this often, and so is what a failed commit left. */
const COMMIT_ALL_MS = 10;

export type JournalSettings = { readonly JOURNAL: string; readonly JOURNAL_SYNC: JournalSync };

/** Opens or creates the journal. Rejects with one sentence when it cannot be. */
export async function openJournalThread(
  settings: JournalSettings,
  processors: readonly string[],
  clock: Clock,
): Promise<Journal> {
  const worker = new Worker(new URL("./journal-thread.ts", import.meta.url).href);
  const { JOURNAL: path, JOURNAL_SYNC: sync } = settings;
  const started = once(worker);
  worker.postMessage({ kind: "start", path, sync, processors });
  const reply = await started;
  if (reply.kind === "started") return new ThreadJournal(worker, reply.head, clock);
  worker.terminate();
  throw new Error(reply.kind === "failed" ? reply.reason : "the journal's thread did not start");
}

function once(worker: Worker): Promise<JournalReply> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => resolve({ kind: "failed", reason: event.message });
  });
}

class ThreadJournal implements Journal {
  readonly head: JournalHead;
  onCommit: (durationMs: number) => void = () => {};
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #group = new GroupCommit();
  /** Answers to questions come in the order in which they were asked. */
  readonly #questions: ((reply: JournalReply) => void)[] = [];
  readonly #timer: Timer;
  #scheduled = false;

  constructor(worker: Worker, head: JournalHead, clock: Clock) {
    this.#worker = worker;
    this.head = head;
    this.#clock = clock;
    worker.onmessage = ({ data }: MessageEvent<JournalReply>) => this.#receive(data);
    worker.onerror = (event) => {
      throw new Error(`the journal's thread broke: ${event.message}`);
    };
    this.#timer = setInterval(() => this.#sendNext(true), COMMIT_ALL_MS);
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

  append(transition: Transition, done: OnDurable): void {
    this.#group.append(transition, done);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // At the end of the turn, so that everything that this turn appends shares a commit.
    setImmediate(() => {
      this.#scheduled = false;
      this.#sendNext();
    });
  }

  async open(): Promise<OpenRow[]> {
    const reply = await this.#ask({ kind: "open" });
    if (reply.kind !== "open") throw unexpected(reply);
    return reply.payments;
  }

  async rows(fromRow: number, toRow: number): Promise<LedgerRows> {
    const reply = await this.#ask({ kind: "rows", fromRow, toRow });
    if (reply.kind !== "rows") throw unexpected(reply);
    return reply.rows;
  }

  async totals(fromRow: number, toRow: number): Promise<BlockTotals> {
    const reply = await this.#ask({ kind: "totals", fromRow, toRow });
    if (reply.kind !== "totals") throw unexpected(reply);
    return reply.totals;
  }

  async close(): Promise<void> {
    while (this.#group.queued > 0 && this.#group.trouble === null) {
      this.#sendNext(true);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    clearInterval(this.#timer);
    await this.#ask({ kind: "close" });
    this.#worker.terminate();
  }

  #sendNext(all = false): void {
    const transitions = this.#group.next(this.#clock.steadyMs(), all);
    if (transitions === null) return;
    const packed = packTransitions(transitions);
    this.#worker.postMessage({ kind: "commit", packed } satisfies JournalCommand, [packed.buffer]);
  }

  #receive(reply: JournalReply): void {
    switch (reply.kind) {
      case "committed":
        this.onCommit(reply.durationMs);
        this.#group.committed(allResults(reply));
        return this.#sendNext();
      case "commit-failed":
        return this.#group.failed(this.#clock.steadyMs(), reply.reason);
      default:
        this.#questions.shift()?.(reply);
    }
  }

  #ask(command: JournalCommand): Promise<JournalReply> {
    return new Promise((resolve) => {
      this.#questions.push(resolve);
      this.#post(command);
    });
  }

  #post(command: JournalCommand): void {
    this.#worker.postMessage(command);
  }
}

function unexpected(reply: JournalReply): Error {
  return new Error(reply.kind === "failed" ? reply.reason : `unexpected answer: ${reply.kind}`);
}
