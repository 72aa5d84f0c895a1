import { expect, test } from "bun:test";
import type { LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";
import { verdictOf } from "./verdict.ts";

const lane = (name: string, fee: number, change: Partial<LiveLane> = {}): LiveLane => ({
  name,
  fee,
  mode: "auto",
  moved: false,
  breaker: "closed",
  latencyMs: 1,
  inFlight: 0,
  limit: 8,
  settled: { count: 0, cents: 0 },
  ...change,
});
const STATES = { accepting: 0, queued: 0, assigned: 0, unknown: 0, held: 0 };
const IDLE = { open: 0, max: 1_000, oldestSeconds: 0, states: STATES, rejected: 0, conflict: 0 };

function verdict(
  lanes: readonly LiveLane[],
  backlog: Partial<LiveSnapshot["backlog"]> = {},
  trouble: string | null = null,
  notReady: string | null = null,
) {
  return verdictOf({
    at: "2026-01-01T00:01:00.000Z",
    startedAt: "2026-01-01T00:00:00.000Z",
    upMs: 60_000,
    notReady,
    untilDurable: null,
    backlog: { ...IDLE, ...backlog },
    journal: { trouble, queued: 0 },
    lanes,
    gone: [],
    seconds: [],
    changes: [],
  });
}
const open = { breaker: "open" } as const;
const waiting = { open: 436, oldestSeconds: 5.4, states: { ...STATES, queued: 436 } };

test("all is well", () => {
  const both = [lane("fallback", 0.15), lane("default", 0.05)];
  expect(verdict(both, { open: 3, oldestSeconds: 0.1 })).toEqual({
    kind: "good",
    text: "All is well: payments go to default, the cheapest. Nothing waits.",
    brief: "",
  });
});

test("the cheapest is away", () => {
  expect(verdict([lane("default", 0.05, open), lane("fallback", 0.15)], waiting)).toEqual({
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

test("what is in doubt and what needs a person is said", () => {
  const lanes = [lane("default", 0.05)];
  const states = { ...STATES, unknown: 1, held: 1 };
  expect(verdict(lanes, { ...waiting, states, rejected: 2 }).text).toEndWith(
    "No clear answer yet for 1 payment: each stays where it was sent. 3 payments need a person.",
  );
  expect(verdict(lanes, {}, "disk full")).toMatchObject({ kind: "bad", brief: "journal fails" });
});

test("a worker that is not ready comes first, whatever its last figures say", () => {
  const still = "the pipeline has stood still for 3 s";
  expect(verdict([lane("default", 0.05)], {}, null, still)).toEqual({
    kind: "bad",
    text: "The worker is not ready: the pipeline has stood still for 3 s.",
    brief: "not ready",
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
