import { expect, test } from "bun:test";
import type { LiveLane } from "../shared/http-api/live.ts";
import { shareOf } from "../shared/tariff.ts";
import { standingOf, type State } from "./standing.ts";

const lane = (name: string, fee: number, change: Partial<LiveLane> = {}): LiveLane => ({
  name,
  fee,
  tariff: shareOf(fee),
  mode: "auto",
  moved: false,
  unreachable: null,
  lacks: [],
  unasked: 0,
  breaker: "closed",
  latencyMs: 1,
  inFlight: 0,
  limit: 8,
  settled: { count: 0, cents: 0 },
  ...change,
});
const STATES = { accepting: 0, queued: 0, assigned: 0, unknown: 0, held: 0 };
const IDLE = { open: 0, max: 1_000, oldestSeconds: 0, states: STATES, rejected: 0, conflict: 0 };
const WELL: State = {
  notReady: null,
  backlog: IDLE,
  journal: { trouble: null, queued: 0, restored: false },
  lanes: [lane("default", 0.05), lane("fallback", 0.15)],
  link: { strangers: 0 },
  clockStepMs: null,
  damage: null,
  audited: [],
};
const EQUAL = { name: "default", state: "equal", driftPayments: 0, driftCents: 0, error: null };
const RESTORED = { ...WELL.journal, restored: true };
const DRIFT = { ...EQUAL, state: "drift", driftPayments: 1, driftCents: 40_000 };

function verdict(lanes: readonly LiveLane[], backlog: Partial<State["backlog"]> = {}) {
  return standingOf({ ...WELL, lanes, backlog: { ...IDLE, ...backlog } });
}
const open = { breaker: "open" } as const;
const waiting = { open: 436, oldestSeconds: 5.4, states: { ...STATES, queued: 436 } };

test("all is well", () => {
  const both = [lane("fallback", 0.15), lane("default", 0.05)];
  expect(verdict(both, { open: 3, oldestSeconds: 0.1 })).toEqual({
    kind: "good",
    text: "All is well: payments go to default, the cheapest. Nothing waits.",
    brief: "",
    facts: [],
  });
});

test("the cheapest is away", () => {
  expect(verdict([lane("default", 0.05, open), lane("fallback", 0.15)], waiting)).toMatchObject({
    kind: "warn",
    text: "The cheapest cannot be used: default's breaker is open. Payments wait for it as long as they can, and go to fallback then. 436 payments open, the oldest for 5.4 s.",
    brief: "default away, 436 payments open",
  });
});

test("all are away, one of them by hand", () => {
  const lanes = [lane("default", 0.05, open), lane("fallback", 0.15, { mode: "drained" })];
  const { kind, text } = verdict(lanes, waiting);
  expect(kind).toBe("bad");
  expect(text).toStartWith(
    "No processor can be used: default's breaker is open, fallback is drained by hand. Payments are taken and kept",
  );
});

test("one that has moved is not used, forced or not, and the sentence says why", () => {
  const lanes = [lane("default", 0.05, { moved: true, mode: "forced" }), lane("fallback", 0.15)];
  const { kind, text } = verdict(lanes);
  expect(kind).toBe("warn");
  expect(text).toContain("default has another address than its open payments were sent to");
});

test("one that is forced is used whatever its breaker says", () => {
  const lanes = [lane("default", 0.05, { ...open, mode: "forced" }), lane("fallback", 0.15)];
  expect(verdict(lanes).kind).toBe("good");
});

test("the cheapest comes back; a dearer one is away", () => {
  const back = [lane("default", 0.05, { breaker: "half-open" }), lane("fallback", 0.15)];
  expect(verdict(back).text).toStartWith("default is coming back");
  const away = verdict([lane("default", 0.05), lane("fallback", 0.15, open)]);
  expect(away).toMatchObject({ kind: "warn", brief: "" });
  expect(away.text).toEndWith("Not to be used: fallback's breaker is open.");
});

test("one that cannot be reached and has an open breaker is said once", () => {
  const away = lane("default", 0.05, { unreachable: "ECONNREFUSED", ...open });
  const { facts } = verdict([away, lane("fallback", 0.15)]);
  expect(facts.map(({ code }) => code)).toEqual(["breaker-open"]);
});

test("what is in doubt and what needs a person is said", () => {
  const lanes = [lane("default", 0.05)];
  const states = { ...STATES, unknown: 1, held: 1 };
  expect(verdict(lanes, { ...waiting, states, rejected: 2 }).text).toEndWith(
    "No clear answer yet for 1 payment: each stays where it was sent. 3 payments need a person.",
  );
});

/** Each state with the fact that it gives and how its sentence begins; the worst stands first. */
const CASES: readonly [change: Partial<State>, code: string, kind: string, text: string][] = [
  [
    {
      journal: { trouble: "disk full", queued: 3, restored: false },
      notReady: "the journal fails: disk full",
    },
    "journal-fails",
    "bad",
    "Payments are turned away, because the journal cannot be written: disk full.",
  ],
  [
    { damage: "database disk image is malformed" },
    "damaged",
    "bad",
    "The journal cannot be built on: database disk image is malformed.",
  ],
  [
    { notReady: "the pipeline has stood still for 3 s" },
    "not-ready",
    "bad",
    "The worker is not ready: the pipeline has stood still for 3 s.",
  ],
  [
    { link: { strangers: 1 } },
    "link-secret",
    "bad",
    "1 sender of frames has another LINK_SECRET than the worker: what an API of these takes is turned away.",
  ],
  [
    { journal: RESTORED },
    "journal-restored",
    "warn",
    "The journal was restored from a copy: every payment is asked for at every processor",
  ],
  [
    { audited: [EQUAL, { ...DRIFT, name: "fallback" }] },
    "audit-drift",
    "bad",
    "fallback has recorded 400.00 more than is settled here: 1 payment differs.",
  ],
  [
    {
      lanes: [lane("default", 0.05, { breaker: "open" }), lane("fallback", 0.15, { moved: true })],
    },
    "no-processor",
    "bad",
    "No processor can be used: default's breaker is open, fallback has another address",
  ],
  [
    { lanes: [lane("default", 0.05), lane("fallback", 0.15, { moved: true })] },
    "processor-moved",
    "warn",
    "fallback has another address than its open payments were sent to",
  ],
  [
    { lanes: [lane("default", 0.05, { unasked: 2 }), lane("fallback", 0.15)] },
    "cannot-ask",
    "bad",
    "default cannot be asked what it has charged: 2 payments wait for it, or for an operator.",
  ],
  [
    { backlog: { ...IDLE, open: 3, oldestSeconds: 120, states: { ...STATES, unknown: 3 } } },
    "unknown-long",
    "warn",
    "No clear answer yet for 3 payments: each stays where it was sent. The oldest payment has been open for 2 min.",
  ],
  [
    { backlog: { ...IDLE, open: 800 } },
    "backlog-high",
    "warn",
    "Payments will soon be turned away: 800 of at most 1 000 are open.",
  ],
  [
    { lanes: [lane("default", 0.05, { breaker: "open" }), lane("fallback", 0.15)] },
    "breaker-open",
    "warn",
    "The cheapest cannot be used: default's breaker is open.",
  ],
  [
    { audited: [{ ...EQUAL, state: "failed", error: "403: the token is refused" }] },
    "audit-failed",
    "warn",
    "default's books cannot be compared with ours: 403: the token is refused.",
  ],
  [
    { lanes: [lane("default", 0.05, { unreachable: "ECONNREFUSED" }), lane("fallback", 0.15)] },
    "processor-unreachable",
    "warn",
    "default cannot be reached, as it was asked for its health: ECONNREFUSED.",
  ],
  [
    { clockStepMs: -3_600_000 },
    "clock-stepped",
    "warn",
    "The machine's clock was set back by 1 h 0 min: instants around it are not in order.",
  ],
];

test.each(CASES)("%o is said", (change, code, kind, text) => {
  const standing = standingOf({ ...WELL, ...change });
  expect(standing.facts[0]).toMatchObject({ code, kind });
  expect(standing.text).toStartWith(text);
  expect(standing.kind).toBe(kind as "bad");
});

test.each(CASES.map((_, n) => n).slice(1))("case %d never hides the one before it", (n) => {
  const [[worse, code], [less]] = CASES.slice(n - 1, n + 1) as [
    (typeof CASES)[0],
    (typeof CASES)[0],
  ];
  expect(standingOf({ ...WELL, ...less, ...worse }).facts[0]?.code).toBe(code as "journal-fails");
});

test("everything at once is three sentences and a number, in order, until a fact makes the figures old", () => {
  const everything: State = {
    ...WELL,
    backlog: { ...IDLE, open: 900, oldestSeconds: 120, states: { ...STATES, unknown: 3 } },
    lanes: [
      lane("default", 0.05, { moved: true }),
      lane("second", 0.1, { breaker: "open" }),
      lane("fallback", 0.15),
    ],
    link: { strangers: 2 },
    clockStepMs: 5_000,
    audited: [DRIFT, { ...EQUAL, name: "fallback", state: "failed" }],
  };
  const { facts, text, kind, brief } = standingOf(everything);
  expect(facts.map(({ code }) => code)).toEqual([
    "link-secret",
    "audit-drift",
    "processor-moved",
    "unknown-long",
    "backlog-high",
    "breaker-open",
    "audit-failed",
    "clock-stepped",
  ]);
  expect(text).toContain("until an operator decides. 5 more things are wrong. 900 payments open");
  expect([kind, brief]).toEqual(["bad", "LINK_SECRET differs, 900 payments open"]);
  const away = standingOf({ ...everything, lanes: [lane("default", 0.05, { moved: true })] });
  expect(away.facts.map(({ code }) => code)[2]).toBe("no-processor");
  expect(standingOf({ ...everything, notReady: "draining" })).toMatchObject({
    kind: "bad",
    text: "The worker is not ready: draining.",
    brief: "not ready",
  });
});

test("a difference that was found stays said while the next comparison fails, and one of times has no amount", () => {
  const failed = { ...DRIFT, state: "failed", driftCents: -5, error: "no answer" };
  expect(standingOf({ ...WELL, audited: [failed] }).text).toStartWith(
    "default has recorded 0.05 less than is settled here: 1 payment differs. default's books cannot be compared",
  );
  const times = { ...DRIFT, driftCents: 0, driftPayments: 2 };
  expect(standingOf({ ...WELL, audited: [times] }).text).toStartWith(
    "default's books differ from ours: 2 payments differ.",
  );
});

test("on a restored journal a difference is the gap, and no alarm by itself", () => {
  const restored = { ...WELL, journal: RESTORED, audited: [DRIFT] };
  const { kind, text, facts } = standingOf(restored);
  expect([kind, ...facts.map(({ code }) => code)]).toEqual([
    "warn",
    "journal-restored",
    "audit-gap",
  ]);
  expect(text).toContain("400.00 more than is settled here: 1 payment differs. That is the gap");
  const less = { ...DRIFT, driftCents: -19_900 };
  expect(standingOf({ ...restored, audited: [less] })).toMatchObject({ kind: "bad" });
  // The kind is that of the worst, wherever it stands.
  const lanes = [lane("default", 0.05, open)];
  expect(standingOf({ ...restored, lanes })).toMatchObject({ kind: "bad" });
});

test("at the bound payments are turned away, and that is bad", () => {
  expect(verdict(WELL.lanes, { open: 1_000 })).toMatchObject({
    kind: "bad",
    brief: "backlog full",
  });
});

test("those of the same fee share, and one of them that is away is not waited for", () => {
  const both = verdict([lane("a", 0.05), lane("b", 0.05), lane("c", 0.15)]);
  expect(both).toMatchObject({ kind: "good", brief: "" });
  expect(both.text).toStartWith("All is well: payments go to a and b, the cheapest.");
  const away = verdict([lane("a", 0.05, open), lane("b", 0.05), lane("c", 0.15)]);
  expect(away.text).toStartWith(
    "Payments go to b, the cheapest. Not to be used: a's breaker is open.",
  );
});
