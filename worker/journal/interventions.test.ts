/** Decisions of an operator, in every driver: the states that they start from, and their record. */
import { describe, expect, test } from "bun:test";
import type { Intervention, PaymentState, ProcessorMode, Transition } from "../transitions.ts";
import {
  accept,
  assigned,
  AT_MS,
  DRIVERS,
  failed,
  LASTING_DRIVERS,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
} from "./journal.fixture.ts";

const DONE = { kind: "done" } as const;
const moved = (state: PaymentState | null) => ({ kind: "moved", state }) as const;

function said(action: string, evidence: string | null = null): Intervention {
  return { atMs: AT_MS, who: "ana", action, why: "ticket 7", evidence };
}

function decided(kind: "hold" | "resume" | "ask", seq: number): Transition {
  return { kind, seq, intervention: said(kind) };
}

function absent(seq: number, processor = 0): Transition {
  return { kind: "absent", seq, processor, intervention: said("absent", "a mail") };
}

function mode(processor: number, to: ProcessorMode): Transition {
  return { kind: "mode", processor, mode: to, intervention: said(to) };
}

/** Payments by state: 1 accepted, 2 assigned, 3 unknown, 4 and 5 held, 6 rejected, 7 conflict, 8 settled. */
const EACH_STATE: readonly Transition[] = [
  accept(1),
  ...[2, 3, 5, 6, 7, 8].map((seq) => assigned(seq)),
  accept(4),
  failed("unknown", 3),
  decided("hold", 4),
  decided("hold", 5),
  failed("reject", 6),
  failed("conflict", 7),
  settle(8, 0),
];
const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const [REJECTED, CONFLICT, SETTLED, MISSING] = [
  moved("rejected"),
  moved("conflict"),
  moved("settled"),
  moved(null),
];
const CLOSED = [REJECTED, CONFLICT, SETTLED, MISSING];

describe.each(DRIVERS.map((driver) => [driver.name, driver] as const))(
  "a journal %s",
  (_, driver) => {
    async function afterwards(transition: (seq: number) => Transition) {
      using directory = temporaryDirectory();
      await using opened = await driver.open(directory.file());
      await opened.apply(...EACH_STATE);
      const results = await opened.apply(...ALL.map(transition));
      const open = await opened.journal.open();
      const shown = open.map(({ state, assignment }) => `${state} ${assignment?.processor ?? "-"}`);
      return { results, shown };
    }

    test("holds what is accepted, assigned or unknown, and keeps its processor", async () => {
      const { results, shown } = await afterwards((seq) => decided("hold", seq));
      const held = moved("held");
      expect(results).toEqual([DONE, DONE, DONE, held, held, ...CLOSED]);
      const rest = ["rejected 0", "conflict 0"];
      expect(shown).toEqual(["held -", "held 0", "held 0", "held -", "held 0", ...rest]);
    });

    test("resumes what is held, to nobody or to unknown at its processor", async () => {
      const { results, shown } = await afterwards((seq) => decided("resume", seq));
      const others = [moved("accepted"), moved("assigned"), moved("unknown")];
      expect(results).toEqual([...others, DONE, DONE, ...CLOSED]);
      expect(shown.slice(3, 5)).toEqual(["accepted -", "unknown 0"]);
    });

    test("takes absence for what belongs to that processor", async () => {
      const { results, shown } = await afterwards((seq) => absent(seq));
      expect(results).toEqual([moved("accepted"), DONE, DONE, moved("held"), DONE, ...CLOSED]);
      const freed = ["accepted -", "accepted -", "accepted -", "held -", "accepted -"];
      expect(shown.slice(0, 5)).toEqual(freed);
      const elsewhere = await afterwards((seq) => absent(seq, 1));
      expect(elsewhere.results).not.toContainEqual(DONE);
    });

    test("settles what belongs to a processor, with a row in the ledger", async () => {
      const { results } = await afterwards((seq) => {
        return settle(seq, seq, { intervention: said("settle", "a mail") });
      });
      expect(results).toEqual([moved("accepted"), DONE, DONE, moved("held"), DONE, ...CLOSED]);
    });

    test("notes a question without moving anything", async () => {
      const { results, shown } = await afterwards((seq) => decided("ask", seq));
      expect(results).toEqual([...Array.from({ length: 8 }, () => DONE), MISSING]);
      const states = ["accepted -", "assigned 0", "unknown 0", "held -", "held 0"];
      expect(shown.slice(0, 5)).toEqual(states);
    });

    test("lets a call that was under way end at a held payment", async () => {
      using directory = temporaryDirectory();
      await using opened = await driver.open(directory.file());
      await opened.apply(assigned(1), assigned(2), assigned(3));
      await opened.apply(...[1, 2, 3].map((seq) => failed("unknown", seq)));
      await opened.apply(...[1, 2, 3].map((seq) => decided("hold", seq)));
      expect(
        await opened.apply(
          settle(1, 0),
          failed("unknown", 2),
          failed("conflict", 3),
          failed("release", 2),
        ),
      ).toEqual([DONE, DONE, DONE, moved("held")]);
      const open = await opened.journal.open();
      expect(open.map(({ state }) => state)).toEqual(["held", "conflict"]);
    });
  },
);

describe.each(LASTING_DRIVERS.map((driver) => [driver.name, driver] as const))(
  "a journal %s",
  (_, driver) => {
    test("has holds and modes again when it is opened again", async () => {
      using file = temporaryFile();
      {
        await using opened = await driver.open(file.path);
        expect(opened.journal.head.modes).toEqual(["auto", "auto"]);
        await opened.apply(assigned(1), decided("hold", 1));
        await opened.apply(mode(0, "forced"), mode(0, "drained"), mode(1, "forced"));
        expect(await opened.apply(mode(1, "auto"))).toEqual([DONE]);
      }
      await using opened = await driver.open(file.path, ["third", ...NAMES]);
      expect(opened.journal.head.processors).toEqual([...NAMES, "third"]);
      expect(opened.journal.head.modes).toEqual(["drained", "auto", "auto"]);
      expect((await opened.journal.open()).map(({ state }) => state)).toEqual(["held"]);
    });
  },
);

test("what was said is kept word for word, in the order in which it was said", async () => {
  using directory = temporaryDirectory();
  await using opened = openInline(directory.file());
  await opened.apply(assigned(1), failed("unknown", 1), decided("hold", 1), mode(1, "drained"));
  await opened.apply(settle(1, 0, { intervention: said("settle", "a mail\nof two lines") }));
  // Decisions that are refused are not recorded.
  await opened.apply(decided("hold", 1), absent(1));
  const rows = opened.db.query("SELECT * FROM interventions ORDER BY rowid").all();
  const common = { at_ms: AT_MS, who: "ana", why: "ticket 7", evidence: null };
  expect(rows).toEqual([
    { ...common, seq: 1, processor: null, action: "hold" },
    { ...common, seq: null, processor: 1, action: "drained" },
    { ...common, seq: 1, processor: null, action: "settle", evidence: "a mail\nof two lines" },
  ]);
});
