import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import type { Verdict } from "../verdict.ts";
import { LINK_CLIENT_DEFAULTS, LinkClientCore, type LinkClientOptions } from "./client.ts";
import {
  decodePay,
  encodeElsewhere,
  encodeVerdicts,
  linkKeys,
  PAYMENTS_PER_FRAME_MAX,
  VERDICTS_PER_FRAME_MAX,
} from "./frame.ts";
import { payment, uuid } from "./link.fixture.ts";

const keys = linkKeys("a secret");
const INSTANCE = 42;
const { waitingMax: WAITING_MAX } = LINK_CLIENT_DEFAULTS;
const STORED = { kind: "stored" } as const;

const NOTHING_SENT = { sequence: 0, ids: [] };

type Sent = { readonly atMs: number; readonly sequence: number; readonly ids: string[] };

/** A client core whose frames are kept; time is what each call says. */
function client({
  random = () => 1,
  sequenceMax = 0xffff_ffff,
  keyring = [keys],
}: Partial<Pick<LinkClientOptions, "random" | "sequenceMax" | "keyring">> = {}) {
  const sent: Sent[] = [];
  const probes: number[] = [];
  const clock = { nowMs: 0 };
  const core = new LinkClientCore({
    keyring,
    instance: INSTANCE,
    ackTimeoutMs: 1_000,
    random,
    sequenceMax,
    transmit: (bytes) => {
      const decoded = decodePay(keys.pay, bytes);
      if (!decoded.ok) throw new Error(decoded.reason);
      const { sequence, payments } = decoded.frame;
      const ids = payments.map(({ correlationId }) => correlationId);
      if (ids.length > 0) sent.push({ atMs: clock.nowMs, sequence, ids });
      else probes.push(sequence);
    },
  });
  const verdicts = new Map<number, Verdict | null>();
  return {
    core,
    sent,
    probes,
    clock,
    verdicts,
    pay: (n: number) =>
      core.pay(clock.nowMs, payment(n), (verdict) => {
        if (verdicts.has(n)) throw new Error(`payment ${n} was answered twice`);
        verdicts.set(n, verdict);
      }),
    flush: () => core.flush(clock.nowMs),
    tickUntil(endMs: number, stepMs = 1) {
      for (; clock.nowMs < endMs; clock.nowMs += stepMs) core.tick(clock.nowMs);
    },
    answer(
      { sequence, ids }: Pick<Sent, "sequence" | "ids">,
      { verdict = STORED, ...head }: Partial<VerdictHead> = {},
    ) {
      // More verdicts than fit a frame travel in two.
      for (const some of [ids.slice(0, 12), ids.slice(12)]) {
        const full = { instance: INSTANCE, incarnation: 1, sequence: 0, ...head };
        const key = head.key ?? keys.verdict;
        const frame =
          verdict.kind === "elsewhere"
            ? encodeElsewhere(key, full, verdictsOf(sequence, some, verdict))
            : encodeVerdicts(key, full, verdictsOf(sequence, some, verdict));
        core.receive(clock.nowMs, frame);
      }
    },
  };
}
function verdictsOf<V extends Verdict>(sequence: number, ids: readonly string[], verdict: V) {
  return ids.map((correlationId) => ({ sequence, correlationId, verdict }));
}
type VerdictHead = {
  instance: number;
  incarnation: number;
  key: Buffer;
  sequence: number;
  verdict: Verdict;
};

test("nothing is missed by whoever ticks only when something is due", () => {
  const run = (isDue: (core: LinkClientCore, nowMs: number) => boolean) => {
    const { core, pay, flush, sent, answer, clock } = client({ random: seededRandom(5) });
    const random = seededRandom(6);
    let ticks = 0;
    for (let n = 0; clock.nowMs < 5_000; clock.nowMs++) {
      if (random() < 0.05) pay(n++);
      flush();
      // The answer is to something sent just now, and now and then to something old.
      if (random() < 0.3) answer(sent[Math.floor(random() ** 0.2 * sent.length)] ?? NOTHING_SENT);
      if (!isDue(core, clock.nowMs)) continue;
      core.tick(clock.nowMs);
      ticks++;
    }
    return { sent, ticks, traffic: core.traffic };
  };
  const always = run(() => true);
  const due = run((core, nowMs) => nowMs >= core.nextTickAtMs);
  expect(due.sent).toEqual(always.sent);
  expect(due.traffic).toEqual(always.traffic);
  expect(always.traffic.retransmissions).toBeGreaterThan(50);
  expect(due.ticks).toBeLessThan(always.ticks / 4);
});

test("payments that carry more have frames of their own, of as many as fit", () => {
  const { core, sent, clock } = client();
  const source = "x".repeat(255);
  const reference = "🦙".repeat(64);
  const all = [
    payment(1),
    payment(2),
    { ...payment(3), source },
    { ...payment(4), source, reference },
    { ...payment(5), reference },
    payment(6),
    ...[7, 8, 9].map((n) => Object.assign(payment(n), { source, reference })),
  ];
  for (const each of all) core.pay(clock.nowMs, each, () => {});
  core.flush(clock.nowMs);
  const numbers = sent.map(({ ids }) => ids.map((id) => Number(id.slice(-2))));
  expect(numbers).toEqual([[1, 2], [3, 4], [5], [6], [7, 8], [9]]);
});

describe("a frame without an answer", () => {
  test("is sent again after 20 ms at first, then half as late again each time, up to 500 ms", () => {
    const { pay, flush, tickUntil, sent } = client({ random: () => 1 });
    pay(1);
    flush();
    tickUntil(999);
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 20, 50, 95, 163, 265, 417, 645, 987]);
  });

  test("is sent again no sooner than 20 ms, however chance falls", () => {
    const { pay, flush, tickUntil, sent } = client({ random: () => 0 });
    pay(1);
    flush();
    tickUntil(100);
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 20, 40, 60, 80]);
  });

  test("waits three round trips where the way is long", () => {
    const { pay, flush, tickUntil, sent, answer, clock } = client();
    for (let n = 0; n < 100; n++) {
      pay(n);
      flush();
      clock.nowMs += 100;
      answer(sent.at(-1) as Sent);
    }
    const startMs = clock.nowMs;
    pay(100);
    flush();
    tickUntil(startMs + 400);
    const [first, second] = sent.filter(({ ids }) => ids[0] === uuid(100)) as [Sent, Sent];
    expect(second.atMs - first.atMs).toBeWithin(295, 302);
  });

  test("does not take the answer to a repeat for a short round trip", () => {
    const { pay, flush, tickUntil, sent, answer } = client();
    pay(1);
    flush();
    tickUntil(900);
    answer(sent[0] as Sent);
    const at = sent.length;
    pay(2);
    flush();
    tickUntil(930);
    expect((sent[at + 1] as Sent).atMs - (sent[at] as Sent).atMs).toBe(20);
  });
});

describe("the window", () => {
  const many = (frames: number) => frames * PAYMENTS_PER_FRAME_MAX;

  test("begins at 64 frames; the rest waits for answers", () => {
    const { pay, flush, sent, answer } = client();
    for (let n = 0; n < many(100); n++) pay(n);
    flush();
    expect(sent).toHaveLength(64);
    answer(sent[0] as Sent);
    answer(sent[1] as Sent);
    expect(sent).toHaveLength(66);
    expect(sent.flatMap(({ ids }) => ids)).toEqual(
      Array.from({ length: many(66) }, (_, n) => uuid(n)),
    );
  });

  test("grows by a frame for each window answered, up to 512", () => {
    // The same id comes again and again: a frame each, and nothing but its header is looked at.
    const asked = payment(1);
    const sequences: number[] = [];
    const core = new LinkClientCore({
      keyring: [keys],
      instance: INSTANCE,
      ackTimeoutMs: 1_000,
      random: () => 1,
      transmit: (bytes) => sequences.push(bytes.readUInt32BE(12)),
    });
    const answer = (some: readonly number[]) => {
      const verdicts = some.map((sequence) => ({
        sequence,
        correlationId: uuid(1),
        verdict: STORED,
      }));
      const head = { instance: INSTANCE, incarnation: 1, sequence: 0 };
      core.receive(0, encodeVerdicts(keys.verdict, head, verdicts));
    };
    const windows: number[] = [];
    let [asking, answered] = [0, 0];
    for (let round = 0; round < 500; round++) {
      for (; asking < sequences.length + 1_100; asking++) core.pay(0, asked, () => {});
      core.flush(0);
      const sent = sequences.length;
      windows.push(sent - answered);
      for (; answered < sent; answered += VERDICTS_PER_FRAME_MAX) {
        answer(sequences.slice(answered, Math.min(sent, answered + VERDICTS_PER_FRAME_MAX)));
      }
      answered = sent;
    }
    expect(windows[0]).toBe(64);
    for (const [round, window] of windows.slice(1).entries()) {
      expect(window - (windows[round] as number)).toBeWithin(0, 3);
    }
    expect(windows.at(-1)).toBe(512);
  });

  test("is halved once for a loss, down to no less than four", () => {
    const { pay, flush, sent, tickUntil } = client();
    for (let n = 0; n < many(300); n++) pay(n);
    flush();
    expect(sent).toHaveLength(64);
    // All 64 are due again in one tick: one loss, not 64.
    tickUntil(21);
    expect(sent).toHaveLength(128);
    tickUntil(1_000);
    const before = sent.length;
    tickUntil(1_001);
    // The frames in flight have timed out, and so have payments that waited since the start.
    expect(sent.length).toBe(before);
    for (let n = many(300); n < many(400); n++) pay(n);
    flush();
    expect(sent.length - before).toBe(4);
  });

  test("that is full turns payments away beyond the waiting line, at once", () => {
    const { pay, verdicts } = client();
    for (let n = 0; n < WAITING_MAX; n++) pay(n);
    expect(verdicts.size).toBe(0);
    pay(WAITING_MAX);
    expect(verdicts).toEqual(new Map([[WAITING_MAX, { kind: "busy", retryAfterMs: 1_000 }]]));
  });
});

describe("a payment", () => {
  test("that waited long for the window is given up at its own time, not its frame's", () => {
    const { pay, flush, clock, verdicts, tickUntil, sent } = client();
    for (let n = 0; n < 64 * PAYMENTS_PER_FRAME_MAX; n++) pay(n);
    flush();
    clock.nowMs = 100;
    pay(10_000);
    flush();
    clock.nowMs = 900;
    pay(10_001);
    flush();
    // The window opens when the first 64 frames are given up: both payments leave in one frame.
    tickUntil(1_050);
    expect(sent.at(-1)?.ids).toEqual([uuid(10_000), uuid(10_001)]);
    tickUntil(1_101);
    expect(verdicts.get(10_000)).toBeNull();
    expect(verdicts.has(10_001)).toBe(false);
    tickUntil(1_901);
    expect(verdicts.get(10_001)).toBeNull();
  });

  test("that waits for a window that never opens is given up too", () => {
    const { pay, flush, tickUntil, verdicts, core } = client();
    for (let n = 0; n < 100 * PAYMENTS_PER_FRAME_MAX; n++) pay(n);
    flush();
    tickUntil(1_001);
    expect(verdicts.size).toBe(100 * PAYMENTS_PER_FRAME_MAX);
    expect(new Set(verdicts.values())).toEqual(new Set([null]));
    expect(core.idle).toBe(true);
    expect(core.stats.timeouts).toBe(100 * PAYMENTS_PER_FRAME_MAX);
  });
});

describe.each<Extract<Verdict, { kind: "busy" | "elsewhere" }>>([
  { kind: "busy", retryAfterMs: 1_000 },
  { kind: "elsewhere", mapVersion: 1_764_000_000_000 },
])("$kind", (REFUSAL) => {
  test("is certain of a frame that was sent once, and of no other", () => {
    const { pay, flush, answer, sent, tickUntil, verdicts } = client();
    pay(1);
    flush();
    answer(sent[0] as Sent, { verdict: REFUSAL });
    expect(verdicts.get(1)).toEqual(REFUSAL);
    pay(2);
    flush();
    tickUntil(21);
    expect(sent).toHaveLength(3);
    answer(sent[1] as Sent, { verdict: REFUSAL });
    expect(verdicts.get(2)).toEqual({ ...REFUSAL, mayBeStored: true });
  });

  test("takes a payment out of its frame: a repetition could be stored", () => {
    const { pay, flush, answer, sent, tickUntil, verdicts } = client();
    for (const n of [1, 2, 3]) pay(n);
    flush();
    const { sequence } = sent[0] as Sent;
    answer({ sequence, ids: [uuid(2)] }, { verdict: REFUSAL });
    tickUntil(21);
    expect(sent[1]).toMatchObject({ sequence, ids: [uuid(1), uuid(3)] });
    answer(sent[1] as Sent);
    expect([...verdicts.values()]).toEqual([REFUSAL, STORED, STORED]);
  });
});

describe("a verdict counts for nothing when", () => {
  const waiting = () => {
    const made = client();
    made.pay(1);
    made.flush();
    return { ...made, frame: made.sent[0] as Sent };
  };

  test("it is for another instance", () => {
    const { answer, frame, verdicts, core } = waiting();
    answer(frame, { instance: INSTANCE + 1 });
    expect(verdicts.size).toBe(0);
    expect(core.stats.stale).toBe(2);
    expect(core.answering(0)).toBe(false);
  });

  test("it names another frame or another id", () => {
    const { answer, frame, verdicts } = waiting();
    answer({ sequence: frame.sequence + 1, ids: frame.ids });
    answer({ sequence: frame.sequence, ids: [uuid(2)] });
    expect(verdicts.size).toBe(0);
  });

  test("it comes a second time", () => {
    const { answer, frame, verdicts, core } = waiting();
    answer(frame);
    answer(frame);
    expect(verdicts.get(1)).toEqual(STORED);
    expect(core.idle).toBe(true);
  });

  test("it is forged", () => {
    const { answer, frame, verdicts, core } = waiting();
    answer(frame, { key: keys.pay });
    answer(frame, { key: linkKeys(null).verdict });
    expect(verdicts.size).toBe(0);
    expect(core.stats.drops.mac).toBe(4);
    expect(core.answering(0)).toBe(false);
  });
});

test("while the secret is rotated, frames are made with the new one, and answers of either count", () => {
  const old = linkKeys("an old secret");
  const { answer, sent, pay, flush, verdicts, core } = client({ keyring: [keys, old] });
  for (const n of [1, 2, 3]) {
    pay(n);
    flush();
  }
  answer(sent[0]!);
  answer(sent[1]!, { key: old.verdict });
  answer(sent[2]!, { key: linkKeys("a third").verdict });
  expect([...verdicts.keys()]).toEqual([1, 2]);
  expect(core.stats.drops.mac).toBe(2);
});

describe("another incarnation of the worker", () => {
  const [FIRST, SECOND, THIRD] = [900, 5, 300];
  /** Has a payment outstanding, sent to a worker that has been heard before. */
  const paying = (incarnation = FIRST) => {
    const made = client();
    made.answer(NOTHING_SENT, { incarnation });
    const post = (n: number) => {
      made.pay(n);
      made.flush();
      return made.sent.at(-1) as Sent;
    };
    /** The answer to the newest probe. */
    const answerProbe = (head: Partial<VerdictHead>) =>
      made.answer(NOTHING_SENT, { sequence: made.probes.at(-1) as number, ...head });
    return { ...made, post, answerProbe, frame: post(1) };
  };

  test.each([
    [900, 5],
    [5, 900],
  ])("is believed for an answer, whatever its number: %d, then %d", (before, now) => {
    const { answer, frame, verdicts } = paying(before);
    answer(frame, { incarnation: now });
    expect(verdicts.get(1)).toEqual(STORED);
  });

  test("is not believed for an answer to nothing that is outstanding", () => {
    const { answer, frame, verdicts, core } = paying();
    answer({ sequence: frame.sequence, ids: [uuid(2)] }, { incarnation: SECOND });
    answer({ sequence: 999, ids: [] }, { incarnation: SECOND });
    expect([core.stats.stale, verdicts.size]).toEqual([4, 0]);
    answer(frame, { incarnation: FIRST });
    expect(verdicts.get(1)).toEqual(STORED);
  });

  test("that is gone is not believed again, however late its answers come", () => {
    const { answer, post, frame, verdicts } = paying();
    const other = post(2);
    answer(frame, { incarnation: SECOND });
    answer(other, { incarnation: FIRST });
    answer(other, { incarnation: THIRD });
    expect(verdicts.has(2)).toBe(false);
    answer(other, { incarnation: SECOND });
    expect(verdicts.get(2)).toEqual(STORED);
  });

  test("is believed by the next probe when what is outstanding was sent before", () => {
    const { answer, answerProbe, post, frame, verdicts, core, tickUntil, clock } = paying();
    const other = post(2);
    answer(frame, { incarnation: SECOND });
    answer(other, { incarnation: THIRD });
    tickUntil(999);
    expect(verdicts.has(2)).toBe(false);
    const late = post(3);
    tickUntil(1_001);
    answerProbe({ incarnation: THIRD });
    answer(late, { incarnation: THIRD });
    expect(verdicts.get(3)).toEqual(STORED);
    expect(core.answering(clock.nowMs)).toBe(true);
  });

  test("is not believed for the answer to a probe that went to one before", () => {
    const { answer, answerProbe, core, post, tickUntil } = paying();
    tickUntil(1_002);
    answer(post(2), { incarnation: SECOND });
    answerProbe({ incarnation: THIRD });
    answerProbe({ incarnation: FIRST });
    expect(core.stats.stale).toBe(4);
    tickUntil(2_100);
    answerProbe({ incarnation: THIRD });
    expect(core.stats.stale).toBe(4);
  });

  test("of before, which names no probe, is believed once the other is silent", () => {
    const { answer, core, clock, tickUntil } = paying();
    tickUntil(2_000);
    answer(NOTHING_SENT, { incarnation: SECOND });
    expect(core.stats.stale).toBe(2);
    tickUntil(2_600);
    answer(NOTHING_SENT, { incarnation: SECOND });
    expect(core.answering(clock.nowMs)).toBe(true);
  });
});

test("sequences begin anew at their end, and pass over what is outstanding", () => {
  const { pay, flush, sent, probes, answer, tickUntil } = client({ sequenceMax: 6 });
  const post = (n: number) => {
    pay(n);
    flush();
    return sent.at(-1)!.sequence;
  };
  expect([1, 2, 3, 4].map(post)).toEqual([1, 2, 3, 4]);
  for (const sequence of [1, 3, 4]) answer(sent.find((frame) => frame.sequence === sequence)!);
  expect([5, 6, 7, 8].map(post)).toEqual([5, 6, 1, 3]);
  tickUntil(1_001);
  expect(probes).toEqual([4]);
});

test("sequences of a client never repeat while frames are outstanding", () => {
  const random = seededRandom(3);
  const { pay, flush, sent, answer, clock } = client({ random });
  for (let n = 0; n < 2_000; n++) {
    pay(n);
    flush();
    if (random() < 0.9) answer(sent[Math.floor(random() * sent.length)] as Sent);
    clock.nowMs += 1;
  }
  expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(sent.length);
});
