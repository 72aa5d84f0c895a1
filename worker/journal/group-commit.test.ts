import { describe, expect, test } from "bun:test";
import type { Transition, TransitionResult } from "../transitions.ts";
import { GROUP_COMMIT_DEFAULTS, GroupCommit } from "./group-commit.ts";
import { fitting } from "./postgres/batch.ts";
import { accept, assign, failed, settle } from "./journal.fixture.ts";

const { batchMax: BATCH_MAX, settlementsApartMax: SETTLEMENTS_APART_MAX } = GROUP_COMMIT_DEFAULTS;
const RETRY_MS = 250;
const DONE: TransitionResult = { kind: "done" };

function group() {
  const core = new GroupCommit();
  const answered: [seq: number | string, result: TransitionResult | null][] = [];
  return {
    core,
    answered,
    append(...transitions: Transition[]) {
      for (const transition of transitions) {
        const name = "seq" in transition ? transition.seq : transition.kind;
        core.append(transition, (result) => answered.push([name, result]));
      }
    },
    commit(batch: Transition[] | null) {
      core.committed((batch ?? []).map(() => DONE));
    },
  };
}

const seqs = (batch: Transition[] | null) =>
  batch?.map((transition) => ("seq" in transition ? transition.seq : transition.kind));

test("all that waits or is under way can be looked through", () => {
  const { core, append } = group();
  append(accept(1), settle(3, 0));
  core.next(0, false);
  append(accept(2), settle(4, 1));
  expect(seqs([...core.transitions()])?.toSorted()).toEqual([1, 2, 3, 4]);
});

describe("a batch", () => {
  test("is all that was appended, in order", () => {
    const { core, append } = group();
    append(accept(1), assign(7), accept(2), { kind: "purge", baseRow: 0, atMs: 0 });
    expect(seqs(core.next(0))).toEqual([1, 7, 2, "purge"]);
  });

  test("is alone under way; what comes meanwhile makes up the next", () => {
    const { core, append, commit } = group();
    append(accept(1));
    const first = core.next(0);
    append(accept(2), accept(3));
    expect(core.next(0)).toBeNull();
    expect([core.queued, core.idle]).toEqual([3, false]);
    commit(first);
    expect(core.idle).toBe(true);
    expect(seqs(core.next(0))).toEqual([2, 3]);
  });

  test("is bounded; what is over goes into the next", () => {
    const { core, append, commit } = group();
    append(...Array.from({ length: BATCH_MAX + 5 }, (_, n) => accept(n)));
    const first = core.next(0);
    expect(first).toHaveLength(BATCH_MAX);
    commit(first);
    expect(seqs(core.next(0))).toEqual([0, 1, 2, 3, 4].map((n) => BATCH_MAX + n));
  });

  test("does not exist when nothing waits", () => {
    const { core } = group();
    expect(core.next(0)).toBeNull();
    expect(core.queued).toBe(0);
  });

  test("answers each with its own result, when it is committed and not before", () => {
    const { core, append, answered } = group();
    append(accept(1), accept(2), accept(3));
    core.next(0);
    expect(answered).toEqual([]);
    core.committed([DONE, { kind: "duplicate" }, { kind: "conflict" }]);
    expect(answered).toEqual([
      [1, { kind: "done" }],
      [2, { kind: "duplicate" }],
      [3, { kind: "conflict" }],
    ]);
    expect(core.stats).toEqual({ commits: 1, failures: 0, transitions: 3 });
  });

  test("may be appended to by those that it answers", () => {
    const { core, commit } = group();
    core.append(accept(1), () => core.append(assign(1), () => {}));
    commit(core.next(0));
    expect(seqs(core.next(0))).toEqual([1]);
  });
});

describe("settlements", () => {
  test("wait until all is asked for, while payments are accepted and assigned before them", () => {
    const { core, append, commit } = group();
    append(settle(1, 0));
    expect(core.isAwaited).toBe(false);
    expect(core.next(0, false)).toBeNull();
    append(accept(2), assign(3));
    expect(core.isAwaited).toBe(true);
    const prompt = core.next(0, false);
    expect(seqs(prompt)).toEqual([2, 3]);
    commit(prompt);
    append(settle(4, 1), accept(5));
    expect(core.queued).toBe(3);
    expect(seqs(core.next(0))).toEqual([5, 1, 4]);
  });

  test("go with whatever is committed next once there are many of them", () => {
    const { core, append } = group();
    const many = Array.from({ length: SETTLEMENTS_APART_MAX }, (_, n) => settle(n, n));
    append(...many.slice(1));
    expect(core.isAwaited).toBe(false);
    append(many[0]!);
    expect(core.isAwaited).toBe(true);
    expect(core.next(0, false)).toHaveLength(SETTLEMENTS_APART_MAX);
  });

  test("are overtaken by nothing else", () => {
    const { core, append, commit } = group();
    const purge: Transition = { kind: "purge", baseRow: 1, atMs: 0 };
    append(settle(1, 0), accept(2), purge, settle(3, 1), accept(4));
    const first = core.next(0, false);
    expect(seqs(first)).toEqual([2, 1, "purge", 4]);
    commit(first);
    expect(seqs(core.next(0))).toEqual([3]);
  });

  test("stay behind a purge that is tried again", () => {
    const { core, append } = group();
    append({ kind: "purge", baseRow: 1, atMs: 0 });
    core.next(0, false);
    append(settle(1, 1), accept(2));
    core.failed(0, "no");
    expect(seqs(core.next(RETRY_MS))).toEqual(["purge", 2, 1]);
  });

  test("by an operator are waited for", () => {
    const { core, append } = group();
    const intervention = {
      atMs: 0,
      who: "ana",
      action: "settle",
      why: "the processor has it",
      evidence: null,
    } as const;
    append({ ...settle(1, 0), intervention });
    expect(seqs(core.next(0, false))).toEqual([1]);
  });
});

describe("a commit that fails", () => {
  test("turns away what wanted in, and keeps the rest in order, before what came later", () => {
    const { core, append, answered } = group();
    append(settle(1, 0), accept(2), assign(3), { kind: "purge", baseRow: 0, atMs: 0 }, accept(4));
    core.next(1_000);
    append(settle(5, 1), accept(6));
    core.failed(1_000, "the disk is full");
    expect(answered).toEqual([
      [2, null],
      [4, null],
    ]);
    expect([core.queued, core.trouble]).toEqual([5, "the disk is full"]);
    expect(seqs(core.next(1_000 + RETRY_MS))).toEqual([3, 1, "purge", 6, 5]);
    expect(core.stats).toEqual({ commits: 0, failures: 1, transitions: 0 });
  });

  test("is tried again after a while, not at once", () => {
    const { core, append, commit } = group();
    append(settle(1, 0));
    core.next(1_000);
    core.failed(1_000, "no");
    append(accept(2));
    expect(core.next(1_000)).toBeNull();
    expect(core.next(1_000 + RETRY_MS - 1)).toBeNull();
    const retry = core.next(1_000 + RETRY_MS);
    expect(seqs(retry)).toEqual([1, 2]);
    core.failed(1_300, "still not");
    expect(core.next(1_300 + RETRY_MS - 1)).toBeNull();
    commit(core.next(1_300 + RETRY_MS));
    expect([core.trouble, core.queued]).toEqual([null, 0]);
  });

  test("leaves the order of what has happened whole however often it fails", () => {
    const { core, append, answered, commit } = group();
    let nowMs = 0;
    const happened = Array.from({ length: 40 }, (_, n) => settle(n, n));
    for (const [n, transition] of happened.entries()) {
      append(transition, accept(1_000 + n));
      const batch = core.next(nowMs);
      if (n % 3 !== 2 && batch !== null) core.failed(nowMs, "no");
      else if (batch !== null) commit(batch);
      nowMs += 100;
    }
    while (core.queued > 0) commit(core.next((nowMs += RETRY_MS)));
    const settled = answered.filter(([seq]) => Number(seq) < 1_000);
    expect(settled).toEqual(happened.map(({ seq }) => [seq, DONE]));
    const accepted = answered.filter(([seq]) => Number(seq) >= 1_000);
    expect(new Set(accepted.map(([seq]) => seq)).size).toBe(40);
  });

  test("of payments alone is followed by a probe, until commits work again", () => {
    const { core, append, commit } = group();
    append(accept(1));
    core.next(0);
    core.failed(0, "no");
    expect(core.queued).toBe(0);
    expect(core.next(RETRY_MS - 1)).toBeNull();
    expect(seqs(core.next(RETRY_MS))).toEqual(["probe"]);
    core.failed(RETRY_MS, "no");
    expect(core.queued).toBe(0);
    const probe = core.next(2 * RETRY_MS);
    expect(seqs(probe)).toEqual(["probe"]);
    commit(probe);
    expect(core.trouble).toBeNull();
    expect(core.next(3 * RETRY_MS)).toBeNull();
  });
});

describe("a commit in doubt", () => {
  test("stays under way, and turns away payments that wait for it, and nothing else", () => {
    const { core, append, commit, answered } = group();
    append(accept(1), settle(2, 0));
    const batch = core.next(0);
    append(accept(3), failed("unknown", 4), accept(5));
    core.doubted("no answer");
    core.doubted("no answer yet");
    expect([core.trouble, core.stats.failures, core.queued]).toEqual(["no answer yet", 1, 3]);
    expect(answered).toEqual([
      [3, null],
      [5, null],
    ]);
    expect(core.next(RETRY_MS)).toBeNull();
    commit(batch);
    expect(core.trouble).toBeNull();
    expect(seqs(core.next(RETRY_MS))).toEqual([4]);
  });
});

test("a batch ends where the next transition does not fit", () => {
  const core = new GroupCommit(fitting);
  const sizes: number[] = [];
  for (const each of [
    accept(1),
    accept(2),
    failed("unknown", 1),
    accept(4),
    { kind: "probe" },
  ] as const) {
    core.append(each, () => {});
  }
  for (let batch = core.next(0); batch !== null; batch = core.next(0)) {
    sizes.push(batch.length);
    core.committed(batch.map(() => DONE));
  }
  expect(sizes).toEqual([2, 2, 1]);
});

test("an answer to no batch, or to another one, is a broken invariant", () => {
  const { core, append } = group();
  expect(() => core.committed([])).toThrow("no commit is under way");
  expect(() => core.failed(0, "no")).toThrow("no commit is under way");
  append(accept(1));
  core.next(0);
  expect(() => core.committed([DONE, DONE])).toThrow("another batch");
});
