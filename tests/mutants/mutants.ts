/**
 * Mutations of the source that no test noticed once, each with the test that has to notice it. They
 * are edits as those of `tests/planted/bugs.ts` are, made while the source is loaded.
 */
import type { Edited } from "../planted/edits.ts";

export type Mutant = Edited & {
  /** The file of the test that must fail. */
  readonly test: string;
  /** How the test's name begins, its `describe` before it. */
  readonly named: string;
};

export const MUTANTS: readonly Mutant[] = [
  {
    name: "router: a drained lane is still tried by trials",
    test: "worker/router/late.test.ts",
    named: "a drained lane gets neither a payment nor a trial",
    edits: [
      {
        file: "worker/router.ts",
        find: "const tier = usableOf(nowMs, all, false);",
        replace: "const tier = all;",
      },
    ],
  },
  {
    name: "router: a drained lane is waited for",
    test: "worker/router/late.test.ts",
    named: "a drained lane gets neither a payment nor a trial",
    edits: [
      {
        file: "worker/router.ts",
        find: "const tier = usableOf(nowMs, all, shuns);",
        replace: "const tier = all;",
      },
    ],
  },
  {
    name: "router: no late grace",
    test: "worker/router/late.test.ts",
    named: "late payments wait a moment for a cheaper one that works, and no longer",
    edits: [
      {
        file: "worker/router.ts",
        find: "const allowedMs = leftMs > 0 ? leftMs : lateWaitMs;",
        replace: "const allowedMs = leftMs;",
      },
    ],
  },
  {
    name: "router: late payments wait without end",
    test: "worker/router/late.test.ts",
    named: "late payments wait a moment for a cheaper one that works, and no longer",
    edits: [
      {
        file: "worker/router.ts",
        find: "const LATE_WAIT_MS_MAX = 3_000;",
        replace: "const LATE_WAIT_MS_MAX = 60_000;",
      },
    ],
  },
  {
    name: "router: late payments wait longer than their patience",
    test: "worker/router/late.test.ts",
    named: "late payments wait no longer than their patience was",
    edits: [
      {
        file: "worker/router.ts",
        find: "lateWaitMs: Math.min(LATE_WAIT_MS_MAX, patienceMs),",
        replace: "lateWaitMs: LATE_WAIT_MS_MAX,",
      },
    ],
  },
  {
    name: "lane: forced ignores the limit",
    test: "worker/router/lane.test.ts",
    named: "forced admits whatever its breaker says, up to its limit",
    edits: [
      {
        file: "worker/router/lane.ts",
        find: "return admits && this.#inFlight < this.#limit.value;",
        replace: 'return this.mode === "forced" || (admits && this.#inFlight < this.#limit.value);',
      },
    ],
  },
  {
    name: "modes are kept by lane when they are set",
    test: "worker/pipeline/modes.test.ts",
    named: "a mode is the processor's own",
    edits: [
      {
        file: "worker/pipeline/operator.ts",
        find: 'kind: "mode", processor: numbers[lane] as number, mode',
        replace: 'kind: "mode", processor: lane, mode',
      },
    ],
  },
  {
    name: "modes are kept by lane when a start reads them",
    test: "worker/pipeline/modes.test.ts",
    named: "a mode is the processor's own",
    edits: [
      {
        file: "worker/pipeline.ts",
        find: 'journal.head.modes[number] ?? "auto"',
        replace: 'journal.head.modes[number - number + lane] ?? "auto"',
      },
    ],
  },
  {
    name: "books: what the journal has moved elsewhere is taken for done",
    test: "worker/pipeline/books.test.ts",
    named: "what happened to a payment that the journal has elsewhere ends the process",
    edits: [
      {
        file: "worker/pipeline/books.ts",
        find: 'if (result?.kind === "done") return durable();',
        replace: "if (result !== null) return durable();",
      },
    ],
  },
  {
    name: "dispatch: what the journal did not assign is sent",
    test: "worker/pipeline/books.test.ts",
    named: "an assignment that the journal refuses ends the process, and nothing is sent",
    edits: [
      {
        file: "worker/pipeline/dispatch.ts",
        find: 'if (result?.kind !== "done") throw new Error("a queued payment could not be assigned");',
        replace: "void result;",
      },
    ],
  },
  {
    name: "books: parked payments are not counted",
    test: "worker/pipeline/books.test.ts",
    named: "payments that wait for an operator are counted, also those that a start finds",
    edits: [
      {
        file: "worker/pipeline/books.ts",
        find: "this.parked.set(state, (this.parked.get(state) ?? 0) + 1);",
        replace: "this.parked.set(state, 1);",
      },
    ],
  },
  {
    name: "pipeline: parked payments that a start finds are not counted",
    test: "worker/pipeline/books.test.ts",
    named: "payments that wait for an operator are counted, also those that a start finds",
    edits: [
      {
        file: "worker/pipeline.ts",
        find: "for (const [state, count] of found.waitingForOperator) this.books.parked.set(state, count);",
        replace: "",
      },
    ],
  },
  {
    name: "journal: a start is not synced",
    test: "worker/journal/store.test.ts",
    named: "a start is on the disk before anything else, whatever the level of the rest",
    edits: [
      {
        file: "worker/journal/store.ts",
        find: 'this.#db.run("PRAGMA synchronous = FULL");\n    return this.#db',
        replace: "return this.#db",
      },
    ],
  },
  {
    name: "journal: a turn is not scheduled again",
    test: "worker/journal/turn.test.ts",
    named: "what is over a batch is committed in the next turns",
    edits: [
      {
        file: "worker/journal/turn.ts",
        find: ", false)) this.#schedule();",
        replace: ", false)) return;",
      },
    ],
  },
  {
    name: "connection: no answer in time taken as refused",
    test: "shared/http/connection.test.ts",
    named: "a call without an answer in time fails",
    edits: [
      {
        file: "shared/http/connection.ts",
        find: 'this.#fail("timeout", "TIMEOUT")',
        replace: 'this.#fail("refused", "ETIMEDOUT")',
      },
    ],
  },
  {
    name: "connection: no connection in time taken as a time-out",
    test: "shared/http/connection.test.ts",
    named: "a connection that does not come about in time is refused",
    edits: [
      {
        file: "shared/http/connection.ts",
        find: 'return this.#fail("refused", dialled.code);',
        replace: 'return this.#fail("timeout", "TIMEOUT");',
      },
    ],
  },
  {
    name: "dispatch: a refused payment rests for no time",
    test: "worker/pipeline/rests.test.ts",
    named: "a refusal after the first is followed by a rest that doubles from 50 ms up to 400",
    edits: [
      {
        file: "worker/pipeline/dispatch.ts",
        find: "clock.steadyMs() + random() * ceilingMs",
        replace: "clock.steadyMs() + 0 * random() * ceilingMs",
      },
    ],
  },
  {
    name: "dispatch: a refused payment rests up to 40 s",
    test: "worker/pipeline/rests.test.ts",
    named: "a refusal after the first is followed by a rest that doubles from 50 ms up to 400",
    edits: [
      {
        file: "worker/pipeline/dispatch.ts",
        find: "const REFUSED_REST_MS = { first: 50, max: 400 };",
        replace: "const REFUSED_REST_MS = { first: 50, max: 40_000 };",
      },
    ],
  },
  {
    name: "resolver: no rest between tries",
    test: "worker/pipeline/resolver.test.ts",
    named: "backoff doubles from a quarter of a second up to ten seconds",
    edits: [
      {
        file: "worker/pipeline/resolver.ts",
        find: "(tries === 0 ? 0 : random() * ceilingMs)",
        replace: "(tries === 0 ? 0 : 0 * random() * ceilingMs)",
      },
    ],
  },
  {
    name: "resolver: a rest of up to 40 s",
    test: "worker/pipeline/resolver.test.ts",
    named: "backoff doubles from a quarter of a second up to ten seconds",
    edits: [
      {
        file: "worker/pipeline/resolver.ts",
        find: "const BACKOFF_MS_MAX = 10_000;",
        replace: "const BACKOFF_MS_MAX = 40_000;",
      },
    ],
  },
  {
    name: "dispatch: a breaker's change wakes nobody up",
    test: "worker/pipeline/rests.test.ts",
    named: "a payment that rests is woken up when a breaker changes",
    edits: [
      {
        file: "worker/pipeline/dispatch.ts",
        find: "this.#queue.wake(Number.POSITIVE_INFINITY);",
        replace: "",
      },
    ],
  },
  {
    name: "dispatch: the pace is not applied",
    test: "worker/pipeline/backlog.test.ts",
    named: "payments that wait are started at a pace while others come in",
    edits: [
      {
        file: "worker/pipeline/dispatch.ts",
        find: "!this.pace.allows(nowMs)",
        replace: "false",
      },
    ],
  },
  {
    name: "dispatch: what is started is not told to the pace",
    test: "worker/pipeline/backlog.test.ts",
    named: "payments that wait are started at a pace while others come in",
    edits: [{ file: "worker/pipeline/dispatch.ts", find: "this.pace.started();", replace: "" }],
  },
  {
    name: "processor: Retry-After is not bounded",
    test: "worker/processor.test.ts",
    named: "a health probe that is turned away for days is made again after a minute",
    edits: [
      {
        file: "worker/processor.ts",
        find: "readRetryAfterMs(answer.retryAfter, RETRY_AFTER_MS_MAX)",
        replace: "readRetryAfterMs(answer.retryAfter, Infinity)",
      },
    ],
  },
  {
    name: "audit: the first millisecond of a watch is passed over",
    test: "worker/audit/watch.test.ts",
    named: "the first millisecond of all, of a round and after a purge is compared",
    edits: [
      {
        file: "worker/audit/watch.ts",
        find: "#checkedUpToMs = BEGIN_MS - 1;",
        replace: "#checkedUpToMs = BEGIN_MS;",
      },
    ],
  },
  {
    name: "audit: the first millisecond after a purge is passed over",
    test: "worker/audit/watch.test.ts",
    named: "the first millisecond of all, of a round and after a purge is compared",
    edits: [
      {
        file: "worker/audit/watch.ts",
        find: "this.#checkedUpToMs = beginMs - 1;",
        replace: "this.#checkedUpToMs = beginMs;",
      },
    ],
  },
  {
    name: "audit: the first millisecond of a round is passed over",
    test: "worker/audit/watch.test.ts",
    named: "the first millisecond of all, of a round and after a purge is compared",
    edits: [
      {
        file: "worker/audit/watch.ts",
        find: "{ fromMs: this.#checkedUpToMs + 1, toMs }, budget",
        replace: "{ fromMs: this.#checkedUpToMs + 2, toMs }, budget",
      },
    ],
  },
  {
    name: "audit: the millisecond of a purge is compared",
    test: "worker/audit/watch.test.ts",
    named: "the millisecond of a purge is not compared",
    edits: [
      {
        file: "worker/audit/watch.ts",
        find: "purgedAtMs === null ? BEGIN_MS : purgedAtMs + 1",
        replace: "purgedAtMs === null ? BEGIN_MS : purgedAtMs",
      },
    ],
  },
  {
    name: "ledger: a row is published before it is there",
    test: "worker/ledger.test.ts",
    named: "a row is whole, with its block and super-block, when it is published",
    edits: [
      {
        file: "worker/ledger.ts",
        find: "    const slot = row % this.memory.slots;\n    const columns = this.#columns;\n    columns.requestedAtMs",
        replace:
          "    const slot = row % this.memory.slots;\n    const columns = this.#columns;\n    Atomics.store(this.#cells, HEAD, row + 1);\n    columns.requestedAtMs",
      },
    ],
  },
  {
    name: "ledger: a block is published before its super-block has it",
    test: "worker/ledger.test.ts",
    named: "a row is whole, with its block and super-block, when it is published",
    edits: [
      {
        file: "worker/ledger.ts",
        find: "    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal(block);\n    this.#publish(row + 1);",
        replace:
          "    this.#publish(row + 1);\n    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal(block);",
      },
    ],
  },
  {
    name: "ledger: a purge is not announced before it begins",
    test: "worker/ledger.test.ts",
    named: "a purge is announced before it moves anything, and again when it is done",
    edits: [
      {
        file: "worker/ledger.ts",
        find: "    Atomics.add(this.#cells, PURGES, 1);\n    this.#startAt(baseRow);\n    Atomics.add(this.#cells, PURGES, 1);",
        replace: "    this.#startAt(baseRow);\n    Atomics.add(this.#cells, PURGES, 2);",
      },
    ],
  },
  {
    name: "summary: the slot that is being overwritten is read",
    test: "worker/summary.test.ts",
    named:
      "a window that cuts a block reads its rows in the ring until the next row may take their slots",
    edits: [
      {
        file: "worker/summary.ts",
        find: "return this.#cursor.head >= row + this.#memory.slots;",
        replace: "return this.#cursor.head > row + this.#memory.slots;",
      },
    ],
  },
  {
    name: "summary: the ring is thought smaller than it is",
    test: "worker/summary.test.ts",
    named:
      "a window that cuts a block reads its rows in the ring until the next row may take their slots",
    edits: [
      {
        file: "worker/summary.ts",
        find: "return this.#cursor.head >= row + this.#memory.slots;",
        replace: "return this.#cursor.head >= row + this.#memory.slots - 1;",
      },
    ],
  },
  {
    name: "summary: what was overwritten while it was read counts",
    test: "worker/summary.test.ts",
    named: "a window over rows that are overwritten while it is read takes them from the journal",
    edits: [
      {
        file: "worker/summary.ts",
        find: "if (!this.#hasLeftRing(fromRow)) return true;\n      restore",
        replace: "if (slot >= 0) return true;\n      restore",
      },
    ],
  },
  {
    name: "summary: what was overwritten while it was read counts, too",
    test: "worker/summary.test.ts",
    named: "a window over rows that are overwritten while it is read takes them from the journal",
    edits: [{ file: "worker/summary.ts", find: "restore(totals, before);", replace: "" }],
  },
  {
    name: "link: sequences go on past their end",
    test: "shared/link/client.test.ts",
    named: "sequences begin anew at their end, and pass over what is outstanding",
    edits: [
      {
        file: "shared/link/client.ts",
        find: "sequence >= (this.#options.sequenceMax ?? SEQUENCE_MAX) ? 1 : sequence + 1",
        replace: "sequence + 1",
      },
    ],
  },
  {
    name: "link: sequences that are outstanding are given again",
    test: "shared/link/client.test.ts",
    named: "sequences begin anew at their end, and pass over what is outstanding",
    edits: [
      {
        file: "shared/link/client.ts",
        find: "while (this.#outstanding.has(sequence)) sequence = this.#after(sequence);",
        replace: "",
      },
    ],
  },
  {
    name: "link: an instance whose frames are answered is kept",
    test: "shared/link/server.test.ts",
    named: "of instances that were answered nothing is kept",
    edits: [
      {
        file: "shared/link/server.ts",
        find: "if (sequences?.size === 0) this.#inHand.delete(instance);",
        replace: "",
      },
    ],
  },
  {
    name: "link: verdicts go to the address that an instance had first",
    test: "shared/link/server.test.ts",
    named: "verdicts of a turn go where the last of their frames came from",
    edits: [
      { file: "shared/link/server.ts", find: "    outbox.peer = origin.peer;\n", replace: "" },
    ],
  },
];
