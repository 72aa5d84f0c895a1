/** Every kind of move from every state, through the pipeline's memory and through the journal. */
import { describe, expect, test } from "bun:test";
import { VirtualClock } from "./pipeline/world.fixture.ts";
import { createLog } from "../shared/log.ts";
import { SqliteStore } from "./journal/store.ts";
import { Lanes } from "./lane.ts";
import type { LedgerWriter } from "./ledger.ts";
import type { Journal } from "./journal.ts";
import { OpenPayments } from "./pipeline/open-payments.ts";
import { assignmentOf, TRANSITIONS, type Move, type MoveKind, type OpenState } from "./payment.ts";
import { queuedPayment } from "./payment.fixture.ts";
import type { PaymentState, Transition } from "./transitions.ts";

const SEQ = 1;
const ID = "00000000-0000-4000-8000-000000000001";
const CENTS = 1_990;
const assignment = { processor: 0, requestedAtMs: 5 };
const intervention = { atMs: 9, who: "me", action: "it", why: "so", evidence: null };
const attempt = { atMs: 7, processor: 0, outcome: "unknown", reason: "silence" } as const;
const accept = { kind: "accept", seq: SEQ, correlationId: ID, amountCents: CENTS } as const;

const MOVES: Record<Exclude<MoveKind, "accept">, Move> = {
  assign: { kind: "assign", seq: SEQ, assignment },
  find: { kind: "find", seq: SEQ, assignment },
  release: { kind: "release", seq: SEQ, attempt: { ...attempt, outcome: "refused" } },
  unknown: { kind: "unknown", seq: SEQ, attempt },
  settle: { kind: "settle", seq: SEQ, row: 0, amountCents: CENTS, settledAtMs: 8, ...assignment },
  reject: { kind: "reject", seq: SEQ, attempt: { ...attempt, outcome: "rejected" } },
  conflict: { kind: "conflict", seq: SEQ, attempt: { ...attempt, outcome: "conflict" } },
  hold: { kind: "hold", seq: SEQ, intervention },
  resume: { kind: "resume", seq: SEQ, intervention },
  absent: { kind: "absent", seq: SEQ, processor: 0, intervention },
};
const KINDS = Object.keys(MOVES) as (keyof typeof MOVES)[];

/** `ours`: held, and belongs to a processor. */
type Place =
  "queued" | "assigned" | "unknown" | "held" | "ours" | "settled" | "rejected" | "conflict";

const unowned: Transition = { ...accept, acceptedAtMs: 4, assignment: null };
const owned: Transition = { ...accept, acceptedAtMs: 4, assignment };
/** How the journal comes to have it there. */
const WAYS: Record<Place, Transition[]> = {
  queued: [unowned],
  assigned: [owned],
  unknown: [owned, MOVES.unknown],
  held: [unowned, MOVES.hold],
  ours: [owned, MOVES.unknown, MOVES.hold],
  settled: [owned, MOVES.settle],
  rejected: [owned, MOVES.reject],
  conflict: [owned, MOVES.conflict],
};
const PLACES = Object.keys(WAYS) as Place[];

/** Written by hand, from what each move means. What is not here must not be possible. */
const LEGAL: Record<string, Place> = {
  "queued assign": "assigned",
  "queued find": "assigned",
  "queued hold": "held",
  "assigned release": "queued",
  "assigned unknown": "unknown",
  "assigned settle": "settled",
  "assigned reject": "rejected",
  "assigned conflict": "conflict",
  "unknown unknown": "unknown",
  "unknown settle": "settled",
  "unknown conflict": "conflict",
  "unknown hold": "ours",
  "unknown absent": "queued",
  "unknown find": "assigned",
  "held resume": "queued",
  "held find": "assigned",
  "ours unknown": "ours",
  "ours settle": "settled",
  "ours conflict": "conflict",
  "ours resume": "unknown",
  "ours absent": "queued",
  "ours find": "assigned",
};
/** After a start what is assigned in the journal is unknown in memory, and is moved as that. */
const LEGAL_AFTER_A_START: Record<string, Place> = {
  "assigned hold": "ours",
  "assigned absent": "queued",
  "assigned find": "assigned",
};

const PAIRS = PLACES.flatMap((place) => KINDS.map((kind) => [place, kind] as const));

describe("in the journal", () => {
  const storedAs = (place: Place): PaymentState =>
    place === "queued" ? "accepted" : place === "ours" ? "held" : place;

  test.each(PAIRS)("%s: %s", (place, kind) => {
    using opened = storeWith(WAYS[place]);
    const { store } = opened;
    const expected = { ...LEGAL, ...LEGAL_AFTER_A_START }[`${place} ${kind}`];
    const [result] = store.apply([MOVES[kind]]);
    if (expected === undefined) expect(result).toEqual({ kind: "moved", state: storedAs(place) });
    else expect(result).toEqual({ kind: "done" });
    const after = expected ?? place;
    expect(opened.row()).toEqual({ state: storedAs(after), owned: isOwned(after) });
  });
});

describe("in memory", () => {
  const OPEN: Partial<Record<Place, OpenState>> = {
    queued: { kind: "queued" },
    assigned: { kind: "assigned", assignment },
    unknown: { kind: "unknown", assignment },
    held: { kind: "held", assignment: null },
    ours: { kind: "held", assignment },
  };

  test.each(PAIRS)("%s: %s", (place, kind) => {
    const { payments, payment, commit } = paymentsWith(OPEN[place] ?? null);
    const expected = LEGAL[`${place} ${kind}`];
    if (expected === undefined) {
      const complaint = new RegExp(`payment ${ID} \\(1\\): ${kind} may not start from`);
      // A move that the disk makes first is only seen to be wrong when that has answered.
      const move = () => (payments.commit(payment, MOVES[kind]), commit());
      if (TRANSITIONS[kind].first === "disk" && OPEN[place] === undefined) return move();
      return expect(move).toThrow(complaint);
    }
    payments.commit(payment, MOVES[kind]);
    const isMoved = TRANSITIONS[kind].first === "memory";
    if (!isMoved) expect(payment.state).toEqual(OPEN[place]!);
    commit();
    const after = OPEN[expected];
    expect(payments.find(SEQ)?.state).toEqual(after as OpenState);
    expect(payments.count).toBe(after === undefined ? 0 : 1);
    const counted = Object.entries(payments.countByState).filter(([, count]) => count !== 0);
    expect(counted).toEqual(after === undefined ? [] : [[after.kind, 1]]);
  });
});

test("a payment that belongs to no processor has no assignment to act on", () => {
  const { payment } = paymentsWith({ kind: "queued" });
  expect(() => assignmentOf(payment)).toThrow(`payment ${ID} (1), which is queued, belongs to no`);
  payment.state = { kind: "held", assignment: null };
  expect(() => assignmentOf(payment)).toThrow("belongs to no processor");
  payment.state = { kind: "held", assignment };
  expect(assignmentOf(payment)).toEqual(assignment);
});

function isOwned(place: Place): boolean {
  return place !== "queued" && place !== "held";
}

function storeWith(way: readonly Transition[]) {
  const store = new SqliteStore(":memory:", "off", ["default"], 0);
  for (const result of store.apply(way)) expect(result).toEqual({ kind: "done" });
  return {
    store,
    row: () => {
      const [open] = [...store.open()];
      if (open === undefined) return { state: "settled", owned: true };
      return { state: open.state, owned: open.assignment !== null };
    },
    [Symbol.dispose]: () => store.close(),
  };
}

/** Opens a payment in a state, or makes one that is not open any more; the journal says done when told to. */
function paymentsWith(state: OpenState | null) {
  const waiting: (() => void)[] = [];
  const journal = {
    head: { nextSeq: 2 },
    append: (_: Transition, done: (result: { kind: "done" }) => void) =>
      void waiting.push(() => done({ kind: "done" })),
  };
  const payments = new OpenPayments({
    clock: new VirtualClock(),
    log: createLog("test", "silent"),
    journal: journal as unknown as Journal,
    ledger: {} as LedgerWriter,
    lanes: new Lanes([]),
    patienceMs: 1_000,
  });
  const payment = queuedPayment(SEQ, {
    correlationId: ID,
    amountCents: CENTS,
    acceptedAtMs: 4,
    deadlineMs: 1_000,
    state: state ?? { kind: "assigned", assignment },
    isOpen: false,
  });
  if (state !== null) payments.open(payment);
  const commit = () => {
    for (const done of waiting.splice(0)) done();
  };
  return { payments, payment, commit };
}

test("docs/PROTOCOL.md has the table as it is", async () => {
  const page = await Bun.file(new URL("../docs/PROTOCOL.md", import.meta.url)).text();
  const named = (state: string) => (state === "queued" ? "accepted" : state);
  for (const [kind, { moves, first }] of Object.entries(TRANSITIONS)) {
    const ways = Object.entries(moves).map(([from, to]) => {
      const targets = typeof to === "string" ? [to] : to;
      return `${named(from)} → ${targets.map(named).join(" or ")}`;
    });
    expect(page).toContain(`\n| ${kind} | ${ways.join(", ")} | ${first} | `);
  }
});
