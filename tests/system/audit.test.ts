import { expect, test } from "bun:test";
import { audit, type Answer, type Collected } from "./audit.ts";
import type { Status } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";

const answer = (id: string, cents: number, outcome: Answer["outcome"] = "accepted"): Answer => ({
  correlationId: id,
  amountCents: cents,
  outcome,
});
const settled = (processor: string, amountCents: number, requestedAtMs: number): Status => ({
  status: "settled",
  amountCents,
  processor,
  requestedAtMs,
  acceptedAtMs: requestedAtMs - 1,
  settledAtMs: requestedAtMs + 1,
  fee: null,
  tariff: null,
});
const charged = (id: string, amountCents: number, requestedAtMs: number): Recorded => ({
  correlationId: id,
  amountCents,
  requestedAtMs,
});

/** Makes three payments as they should be: one of them posted twice, one with a second amount. */
function sound() {
  return {
    answers: [
      answer("a", 100),
      answer("b", 200),
      answer("b", 200),
      answer("c", 300),
      answer("c", 999, "conflict"),
    ],
    statuses: new Map<string, Status | "missing">([
      ["a", settled("default", 100, 1_000)],
      ["b", settled("default", 200, 2_000)],
      ["c", settled("fallback", 300, 3_000)],
    ]),
    onceMissing: new Set<string>(),
    recorded: new Map([
      ["default", [charged("a", 100, 1_000), charged("b", 200, 2_000)]],
      ["fallback", [charged("c", 300, 3_000)]],
    ]),
    windows: [
      {
        window: { fromMs: 1_000, toMs: 2_000 },
        gateway: { default: { count: 2, cents: 300 }, fallback: { count: 0, cents: 0 } },
        processors: { default: { count: 2, cents: 300 }, fallback: { count: 0, cents: 0 } },
      },
    ],
  };
}

const found = (collected: Collected) => audit(collected).map(({ kind, id }) => `${kind} ${id}`);

test("what agrees is no violation", () => {
  expect(audit(sound())).toEqual([]);
});

test.each<[string, (into: ReturnType<typeof sound>) => void, string[]]>([
  ["unknown to the gateway", (s) => s.statuses.delete("a"), ["missing a", "extra a"]],
  [
    "never heard of again",
    (s) => {
      s.statuses.set("a", "missing");
      s.recorded.get("default")!.shift();
    },
    ["missing a"],
  ],
  ["unknown for a while after its 202", (s) => s.onceMissing.add("a"), ["missing a"]],
  [
    "not settled",
    (s) => {
      s.statuses.set("a", { ...settled("default", 100, 1_000), status: "unknown" });
      s.recorded.get("default")!.shift();
    },
    ["unsettled a"],
  ],
  [
    "charged, but not settled",
    (s) => s.statuses.set("a", { ...settled("default", 100, 1_000), status: "accepted" }),
    ["unsettled a", "extra a"],
  ],
  ["settled, but not charged", (s) => s.recorded.get("default")!.shift(), ["not-charged a"]],
  [
    "settled at one processor and charged by another",
    (s) => s.statuses.set("a", settled("fallback", 100, 1_000)),
    ["not-charged a", "extra a"],
  ],
  [
    "charged without being accepted",
    (s) => s.recorded.get("fallback")!.push(charged("z", 1, 1)),
    ["extra z"],
  ],
  [
    "charged by both processors",
    (s) => s.recorded.get("fallback")!.push(charged("a", 100, 1_000)),
    ["extra a", "charged-twice a"],
  ],
  [
    "charged twice by one processor",
    (s) => s.recorded.get("default")!.push(charged("a", 100, 1_000)),
    ["charged-twice a"],
  ],
  [
    "charged with another amount",
    (s) => s.recorded.get("default")!.splice(0, 1, charged("a", 101, 1_000)),
    ["wrong-amount a"],
  ],
  [
    "kept with another amount",
    (s) => s.statuses.set("a", settled("default", 101, 1_000)),
    ["wrong-amount a", "wrong-amount a"],
  ],
  [
    "charged with another requestedAt",
    (s) => s.recorded.get("default")!.splice(0, 1, charged("a", 100, 1_001)),
    ["wrong-requested-at a"],
  ],
  ["accepted with two amounts", (s) => s.answers.push(answer("a", 101)), ["answer a"]],
  ["in conflict with itself", (s) => s.answers.push(answer("a", 100, "conflict")), ["answer a"]],
  [
    "refused with every amount",
    (s) => s.answers.push(answer("z", 1, "conflict"), answer("z", 2, "conflict")),
    ["answer z"],
  ],
  ["answered with an error", (s) => s.answers.push(answer("a", 100, "status 500")), ["answer a"]],
  ["without an answer", (s) => s.answers.push(answer("z", 100, "none")), ["answer z"]],
  [
    "summed a cent short",
    (s) => (s.windows[0]!.gateway.default.cents -= 1),
    ["wrong-sum 1000 to 2000"],
  ],
  [
    "summed one too many",
    (s) => (s.windows[0]!.gateway.fallback.count += 1),
    ["wrong-sum 1000 to 2000"],
  ],
])("a payment %s is found", (_, plant, kinds) => {
  const collected = sound();
  plant(collected);
  expect(found(collected).sort()).toEqual(kinds.sort());
});

test("one that its processor declines may end as rejected, charged nowhere; another one may not", () => {
  const collected = sound();
  collected.statuses.set("a", { ...settled("default", 100, 1_000), status: "rejected" });
  const isDeclined = (amountCents: number) => amountCents === 100;
  expect(audit({ ...collected, isDeclined }).map(({ kind }) => kind)).toEqual(["extra"]);
  collected.recorded.get("default")!.shift();
  expect(audit({ ...collected, isDeclined })).toEqual([]);
  expect(found(collected)).toEqual(["unsettled a"]);
});

test("records without an instant agree with any, and still with one amount", () => {
  const collected = sound();
  const without = (cents: number) => ({ ...charged("a", cents, 0), requestedAtMs: null });
  const rows: Recorded[] = collected.recorded.get("default")!;
  rows[0] = without(100);
  expect(audit(collected)).toEqual([]);
  rows[0] = without(101);
  expect(found(collected)).toEqual(["wrong-amount a"]);
});
