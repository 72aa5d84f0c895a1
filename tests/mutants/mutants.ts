/**
 * Mutations of the source that no test noticed once, each with the test that has to notice it. They
 * are edits as those of `simulation/planted/bugs.ts` are, made while the source is loaded.
 */
import type { Edited } from "../../simulation/planted/edits.ts";

export type Mutant = Edited & {
  /** The file of the test that must fail. */
  readonly test: string;
  /** How that test's name begins, with or without its `describe`. */
  readonly named: string;
};

/** Mutations of one file that one test has to notice: a name, what stands there, what it becomes. */
type Group = Pick<Mutant, "test" | "named"> & {
  readonly file: string;
  readonly mutations: readonly (readonly [name: string, find: string, replace: string])[];
};

const GROUPS: readonly Group[] = [
  {
    test: "worker/router/late.test.ts",
    named: "a drained lane gets neither a payment nor a trial",
    file: "worker/router.ts",
    mutations: [
      [
        "router: a drained lane is still tried by trials",
        "const tier = usableOf(nowMs, all, false);",
        "const tier = all;",
      ],
      [
        "router: a drained lane is waited for",
        "const tier = usableOf(nowMs, all, shuns);",
        "const tier = all;",
      ],
    ],
  },
  {
    test: "worker/router/late.test.ts",
    named: "late payments wait a moment for a cheaper one that works, and no longer",
    file: "worker/router.ts",
    mutations: [
      [
        "router: no late grace",
        "const allowedMs = leftMs > 0 ? leftMs : lateWaitMs;",
        "const allowedMs = leftMs;",
      ],
      ["router: late payments wait without end", "lateWaitMsMax: 3_000,", "lateWaitMsMax: 60_000,"],
    ],
  },
  {
    test: "worker/router/late.test.ts",
    named: "late payments wait no longer than their patience was",
    file: "worker/router.ts",
    mutations: [
      [
        "router: late payments wait longer than their patience",
        "lateWaitMs: Math.min(lateWaitMsMax, patienceMs),",
        "lateWaitMs: lateWaitMsMax,",
      ],
    ],
  },
  {
    test: "worker/router/lane.test.ts",
    named: "forced admits whatever its breaker says, up to its limit",
    file: "worker/router/lane.ts",
    mutations: [
      [
        "lane: forced ignores the limit",
        "return admits && this.#inFlight < this.limit;",
        'return this.mode === "forced" || (admits && this.#inFlight < this.limit);',
      ],
    ],
  },
  {
    test: "worker/pipeline/modes.test.ts",
    named: "a mode is the processor's own",
    file: "worker/pipeline/operator.ts",
    mutations: [
      [
        "modes are kept by lane when they are set",
        'kind: "mode", processor: lane.number, mode',
        'kind: "mode", processor: lanes.all.indexOf(lane), mode',
      ],
    ],
  },
  {
    test: "worker/pipeline/modes.test.ts",
    named: "a mode is the processor's own",
    file: "worker/pipeline.ts",
    mutations: [
      [
        "modes are kept by lane when a start reads them",
        'journal.head.modes[lane.number] ?? "auto"',
        'journal.head.modes[this.lanes.all.indexOf(lane)] ?? "auto"',
      ],
    ],
  },
  {
    test: "worker/pipeline/open-payments.test.ts",
    named: "what happened to a payment that the journal has elsewhere ends the process",
    file: "worker/pipeline/open-payments.ts",
    mutations: [
      [
        "open payments: what the journal has moved elsewhere is taken for done",
        'if (result?.kind !== "done") this.#refused(payment, move, result);',
        "if (result === null) this.#refused(payment, move, result);",
      ],
    ],
  },
  {
    test: "worker/pipeline/open-payments.test.ts",
    named: "an assignment that the journal refuses ends the process, and nothing is sent",
    file: "worker/pipeline/open-payments.ts",
    mutations: [
      [
        "open payments: what the journal did not assign is sent",
        'if (kind === "accept") return this.#close(payment);',
        'if (kind === "accept") return this.#close(payment);\n    if (kind === "assign") return;',
      ],
    ],
  },
  {
    test: "worker/pipeline/open-payments.test.ts",
    named: "payments that wait for an operator are counted, also those that a start finds",
    file: "worker/pipeline/open-payments.ts",
    mutations: [
      [
        "open payments: parked payments are not counted",
        "this.parked.set(state, (this.parked.get(state) ?? 0) + by);",
        "this.parked.set(state, by);",
      ],
    ],
  },
  {
    test: "worker/pipeline/open-payments.test.ts",
    named: "payments that wait for an operator are counted, also those that a start finds",
    file: "worker/pipeline.ts",
    mutations: [
      [
        "pipeline: parked payments that a start finds are not counted",
        "for (const [state, count] of found.waitingForOperator) this.payments.countParked(state, count);",
        "",
      ],
    ],
  },
  {
    test: "worker/journal/store.test.ts",
    named: "a start is on the disk before anything else, whatever the level of the rest",
    file: "worker/journal/store.ts",
    mutations: [
      [
        "journal: a start is not synced",
        'this.#db.run("PRAGMA synchronous = FULL");\n    return this.#db',
        "return this.#db",
      ],
    ],
  },
  {
    test: "worker/journal/turn.test.ts",
    named: "what is over a batch is committed in the next turns",
    file: "worker/journal/turn.ts",
    mutations: [
      [
        "journal: a turn is not scheduled again",
        ", false)) this.#schedule();",
        ", false)) return;",
      ],
    ],
  },
  {
    test: "shared/http/connection.test.ts",
    named: "a call without an answer in time fails",
    file: "shared/http/connection.ts",
    mutations: [
      [
        "connection: no answer in time taken as refused",
        'this.#fail("timeout", "TIMEOUT")',
        'this.#fail("refused", "ETIMEDOUT")',
      ],
    ],
  },
  {
    test: "shared/http/connection.test.ts",
    named: "a connection that does not come about in time is refused",
    file: "shared/http/connection.ts",
    mutations: [
      [
        "connection: no connection in time taken as a time-out",
        'return this.#fail("refused", dialled.code);',
        'return this.#fail("timeout", "TIMEOUT");',
      ],
    ],
  },
  {
    test: "worker/pipeline/rests.test.ts",
    named: "a refusal after the first is followed by a rest that doubles from 50 ms up to 400",
    file: "worker/pipeline/charge.ts",
    mutations: [
      [
        "charge: a refused payment rests for no time",
        "return this.#options.random() * ceilingMs;",
        "return 0 * this.#options.random() * ceilingMs;",
      ],
      [
        "charge: a refused payment rests up to 40 s",
        "const REFUSED_REST_MS = { first: 50, max: 400 };",
        "const REFUSED_REST_MS = { first: 50, max: 40_000 };",
      ],
    ],
  },
  {
    test: "worker/pipeline/resolver.test.ts",
    named: "backoff doubles from a quarter of a second up to ten seconds",
    file: "worker/pipeline/resolver.ts",
    mutations: [
      [
        "resolver: no rest between tries",
        "(tries === 0 ? 0 : this.#random() * ceilingMs)",
        "(tries === 0 ? 0 : 0 * this.#random() * ceilingMs)",
      ],
      ["resolver: a rest of up to 40 s", "backoffMsMax: 10_000,", "backoffMsMax: 40_000,"],
    ],
  },
  {
    test: "worker/pipeline/rests.test.ts",
    named: "a payment that rests is woken up when a breaker changes",
    file: "worker/pipeline.ts",
    mutations: [
      [
        "pipeline: a breaker's change wakes nobody up",
        "        this.queue.wake(Number.POSITIVE_INFINITY);",
        "",
      ],
    ],
  },
  {
    test: "worker/pipeline/backlog.test.ts",
    named: "payments that wait are started at a pace while others come in",
    file: "worker/pipeline/dispatch.ts",
    mutations: [
      ["dispatch: the pace is not applied", "!pace.allows(nowMs)", "false"],
      ["dispatch: what is started is not told to the pace", "pace.started();", ""],
    ],
  },
  {
    test: "worker/processor.test.ts",
    named: "a health probe that is turned away for days is made again after a minute",
    file: "worker/processor.ts",
    mutations: [
      [
        "processor: Retry-After is not bounded",
        "readRetryAfterMs(answer.retryAfter, RETRY_AFTER_MS_MAX)",
        "readRetryAfterMs(answer.retryAfter, Infinity)",
      ],
    ],
  },
  {
    test: "worker/audit/watch.test.ts",
    named: "the first millisecond of all, of a round and after a purge is compared",
    file: "worker/audit/watch.ts",
    mutations: [
      [
        "audit: the first millisecond of a watch is passed over",
        "#checkedUpToMs = BEGIN_MS - 1;",
        "#checkedUpToMs = BEGIN_MS;",
      ],
      [
        "audit: the first millisecond after a purge is passed over",
        "this.#checkedUpToMs = beginMs - 1;",
        "this.#checkedUpToMs = beginMs;",
      ],
      [
        "audit: the first millisecond of a round is passed over",
        "{ fromMs: this.#checkedUpToMs + 1, toMs }, budget",
        "{ fromMs: this.#checkedUpToMs + 2, toMs }, budget",
      ],
    ],
  },
  {
    test: "worker/audit/watch.test.ts",
    named: "the millisecond of a purge is not compared",
    file: "worker/audit/watch.ts",
    mutations: [
      [
        "audit: the millisecond of a purge is compared",
        "purgedAtMs === null ? BEGIN_MS : purgedAtMs + 1",
        "purgedAtMs === null ? BEGIN_MS : purgedAtMs",
      ],
    ],
  },
  {
    test: "worker/ledger.test.ts",
    named: "a row is whole, with its block and super-block, when it is published",
    file: "worker/ledger.ts",
    mutations: [
      [
        "ledger: a row is published before it is there",
        "    const slot = row % this.memory.slots;\n    const columns = this.#columns;\n    columns.requestedAtMs",
        "    const slot = row % this.memory.slots;\n    const columns = this.#columns;\n    Atomics.store(this.#cells, HEAD, row + 1);\n    columns.requestedAtMs",
      ],
      [
        "ledger: a block is published before its super-block has it",
        "    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal(block);\n    this.#publish(row + 1);",
        "    this.#publish(row + 1);\n    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal(block);",
      ],
    ],
  },
  {
    test: "worker/ledger.test.ts",
    named: "a purge is announced before it moves anything, and again when it is done",
    file: "worker/ledger.ts",
    mutations: [
      [
        "ledger: a purge is not announced before it begins",
        "    Atomics.add(this.#cells, PURGES, 1);\n    this.#startAt(baseRow);\n    Atomics.add(this.#cells, PURGES, 1);",
        "    this.#startAt(baseRow);\n    Atomics.add(this.#cells, PURGES, 2);",
      ],
    ],
  },
  {
    test: "worker/summary.test.ts",
    named:
      "a window that cuts a block reads its rows in the ring until the next row may take their slots",
    file: "worker/summary.ts",
    mutations: [
      [
        "summary: the slot that is being overwritten is read",
        "return this.#cursor.head >= row + this.#memory.slots;",
        "return this.#cursor.head > row + this.#memory.slots;",
      ],
      [
        "summary: the ring is thought smaller than it is",
        "return this.#cursor.head >= row + this.#memory.slots;",
        "return this.#cursor.head >= row + this.#memory.slots - 1;",
      ],
    ],
  },
  {
    test: "worker/summary.test.ts",
    named: "a window over rows that are overwritten while it is read takes them from the journal",
    file: "worker/summary.ts",
    mutations: [
      [
        "summary: what was overwritten while it was read counts",
        "if (!this.#hasLeftRing(fromRow)) return true;\n      restore",
        "if (slot >= 0) return true;\n      restore",
      ],
      [
        "summary: what was overwritten while it was read counts, too",
        "restore(totals, before);",
        "",
      ],
    ],
  },
  {
    test: "shared/link/client.test.ts",
    named: "sequences begin anew at their end, and pass over what is outstanding",
    file: "shared/link/client.ts",
    mutations: [
      [
        "link: sequences go on past their end",
        "sequence >= this.#options.sequenceMax ? 1 : sequence + 1",
        "sequence + 1",
      ],
      [
        "link: sequences that are outstanding are given again",
        "while (this.#outstanding.has(sequence)) sequence = this.#after(sequence);",
        "",
      ],
    ],
  },
  {
    test: "worker/queue.test.ts",
    named: "whatever is taken out, rests and is woken up, each is in one place or in none",
    file: "worker/queue.ts",
    mutations: [
      [
        "queue: one that is taken out goes on resting",
        "this.#resting = this.#resting.filter((resting) => resting.payment !== payment);",
        "",
      ],
      [
        "queue: with one that is taken out all others stop resting",
        "(resting) => resting.payment !== payment",
        "(resting) => resting.payment === payment",
      ],
      [
        "queue: one that wakes up at its very instant is there twice",
        "({ untilMs }) => untilMs > nowMs",
        "({ untilMs }) => untilMs >= nowMs",
      ],
      [
        "queue: one that came back cannot be taken out",
        "if (returned !== -1) this.#returned.splice(returned, 1);",
        "",
      ],
    ],
  },
  {
    test: "worker/queue.test.ts",
    named: "of those that came back with equal deadlines the first goes first",
    file: "worker/queue.ts",
    mutations: [
      [
        "queue: the first that came back goes last",
        "this.#returnedMsAt(at - 1) > payment.deadlineMs",
        "this.#returnedMsAt(at - 1) >= payment.deadlineMs",
      ],
    ],
  },
  {
    test: "shared/link/server.test.ts",
    named: "of instances that were answered nothing is kept",
    file: "shared/link/server.ts",
    mutations: [
      [
        "link: an instance whose frames are answered is kept",
        "if (sequences?.size === 0) this.#inHand.delete(instance);",
        "",
      ],
    ],
  },
  {
    test: "shared/link/server.test.ts",
    named: "verdicts of a turn go where the last of their frames came from",
    file: "shared/link/server.ts",
    mutations: [
      [
        "link: verdicts go to the address that an instance had first",
        "    outbox.peer = origin.peer;\n",
        "",
      ],
    ],
  },
  {
    test: "api/workers/routing.test.ts",
    named: "may be stored by the first when the second turns it away",
    file: "api/workers/routing.ts",
    mutations: [
      [
        "routing: a payment that another worker had in hand is told as not stored",
        "posted.mayBeStored ||= posted.link !== null;",
        "",
      ],
    ],
  },
  {
    test: "api/workers/routing.test.ts",
    named: "a map that is older than the one that is known changes nothing",
    file: "api/workers/routing.ts",
    mutations: [
      [
        "routing: a map that comes late is believed",
        "owners.version <= this.#owners.version",
        "owners.version < 0",
      ],
    ],
  },
];

export const MUTANTS: readonly Mutant[] = GROUPS.flatMap(({ test, named, file, mutations }) =>
  mutations.map(([name, find, replace]) => ({
    name,
    test,
    named,
    edits: [{ file, find, replace }],
  })),
);
