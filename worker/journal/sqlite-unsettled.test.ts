/** Payments that are not settled are found, however many are, and however old they are themselves. */
import { Database } from "bun:sqlite";
import { expect, spyOn, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import { knownAddresses } from "../addresses.ts";
import { openToRead } from "../format.ts";
import type { Transition } from "../transitions.ts";
import { damageIn } from "./damage.ts";
import {
  accept,
  assign,
  assigned,
  AT_MS,
  failed,
  NAMES,
  settle,
  temporaryDirectory,
  temporaryFile,
} from "./journal.fixture.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { openDatabase, SqliteStore } from "./store.ts";

const RECENT = { least: 16, step: 4 };

function open(path: string, db = openDatabase(path, "off")) {
  const store = new SqliteStore(path, "off", NAMES, AT_MS, db, undefined, undefined, RECENT);
  const column = (sql: string) => db.query(sql).values().flat() as number[];
  return {
    db,
    store,
    found: () => [...store.open()].map(({ seq }) => seq),
    stragglers: () => column("SELECT seq FROM stragglers ORDER BY seq"),
    recentFromSeq: () => column("SELECT value FROM meta WHERE key = 'recent_from_seq'")[0]!,
    [Symbol.dispose]: () => store.close(),
  };
}

/** Accepts payments, in batches, and settles those that `settles` names. */
function run(store: SqliteStore, first: number, last: number, settles: (seq: number) => boolean) {
  for (let seq = first; seq <= last; seq++) store.apply([assigned(seq)]);
  const settled = Array.from({ length: last - first + 1 }, (_, n) => first + n).filter(settles);
  store.apply(settled.map((seq, n) => settle(seq, first + n)));
}

test("acceptances whose commit fails move no border: the next start takes the journal", () => {
  using file = temporaryFile();
  {
    using journal = open(file.path);
    journal.store.apply([assigned(1), assigned(2), settle(1, 0)]);
    const many = Array.from({ length: RECENT.least + 2 * RECENT.step }, (_, n) => accept(n + 3));
    // A row that the ledger has already.
    expect(() => journal.store.apply([...many, settle(2, 0)])).toThrow();
    journal.store.apply([settle(2, 1)]);
  }
  using journal = open(file.path);
  journal.store.apply([accept(journal.store.head.nextSeq)]);
  expect(journal.found()).toEqual([3]);
});

test("the table has exactly those before the border that are not settled, whatever moves", () => {
  using directory = temporaryDirectory();
  const random = seededRandom(20_261_128);
  const below = (n: number) => Math.floor(random() * n);
  let journal = open(directory.file());
  const isOpen = new Map<number, "accepted" | "assigned" | "unknown">();
  let [seq, row] = [0, 0];
  for (let round = 0; round < 300; round++) {
    const batch: Transition[] = [];
    for (let moves = below(12); moves > 0; moves--) {
      const known = [...isOpen];
      const [some, state] = known[below(known.length)] ?? [0, null];
      if (state === null || random() < 0.4) {
        batch.push(accept(++seq));
        isOpen.set(seq, "accepted");
      } else if (state === "accepted") {
        batch.push(assign(some));
        isOpen.set(some, "assigned");
      } else if (state === "assigned" && random() < 0.3) {
        const kind = random() < 0.5 ? "release" : "unknown";
        batch.push(failed(kind, some));
        isOpen.set(some, kind === "release" ? "accepted" : kind);
      } else {
        batch.push(settle(some, row++));
        isOpen.delete(some);
      }
    }
    for (const { kind } of journal.store.apply(batch)) expect(kind).toBe("done");
    const from = journal.recentFromSeq();
    expect(journal.stragglers()).toEqual([...isOpen.keys()].filter((one) => one < from));
    expect(journal.found()).toEqual([...isOpen.keys()]);
    expect(seq - from).toBeLessThan(RECENT.least + RECENT.step + 12);
    if (round % 50 !== 0) continue;
    expect(damageIn(journal.db)).toBeNull();
    journal.store.close();
    journal = open(directory.file());
  }
  expect(journal.stragglers().length).toBeGreaterThan(3);
  journal.store.close();
});

test("one that is never settled holds back neither the border nor the others", () => {
  using directory = temporaryDirectory();
  using journal = open(directory.file());
  run(journal.store, 1, 500, (seq) => seq !== 3);
  run(journal.store, 501, 501, () => false);
  expect(journal.recentFromSeq()).toBeGreaterThan(470);
  expect(journal.stragglers()).toContain(3);
  expect(journal.found()).toEqual([3, 501]);
});

test("a commit that fails moves nothing, and is done by the next one", () => {
  using directory = temporaryDirectory();
  using journal = open(directory.file());
  run(journal.store, 1, 19, () => false);
  journal.store.apply([settle(19, 0)]);
  const again = { ...settle(18, 0) };
  expect(() => journal.store.apply([assigned(20), again])).toThrow("UNIQUE");
  expect([journal.recentFromSeq(), journal.stragglers()]).toEqual([0, []]);
  // Payment 1 is recent still, and leaves without having been written down.
  journal.store.apply([settle(1, 1)]);
  journal.store.apply([assigned(20)]);
  expect([journal.recentFromSeq(), journal.stragglers()]).toEqual([4, [2, 3]]);
  journal.store.apply([settle(2, 2)]);
  expect(journal.stragglers()).toEqual([3]);
});

test("rows that somebody else wrote are passed at the next start", () => {
  using directory = temporaryDirectory();
  open(directory.file()).store.close();
  const db = openDatabase(directory.file(), "off");
  new SqliteStore(directory.file(), "off", NAMES, AT_MS, db).apply(
    Array.from({ length: 100 }, (_, n) => assigned(n + 1)),
  );
  using journal = open(directory.file(), db);
  expect(journal.recentFromSeq()).toBe(84);
  expect(journal.stragglers()).toEqual(Array.from({ length: 83 }, (_, n) => n + 1));
});

test("a payment with an earlier number than those that were passed is a broken invariant", () => {
  using directory = temporaryDirectory();
  using journal = open(directory.file());
  run(journal.store, 10, 60, () => true);
  expect(() => journal.store.apply([accept(9)])).toThrow("payment 9 comes after later ones");
});

test("nobody who asks for open payments reads those that are settled", async () => {
  using directory = temporaryDirectory();
  using journal = open(directory.file());
  run(journal.store, 1, 60, (seq) => seq % 7 !== 0);
  const asked = new Set<string>();
  const query = Database.prototype.query;
  using _ = spyOn(Database.prototype, "query").mockImplementation(function (
    this: Database,
    sql: string,
  ) {
    asked.add(sql);
    return query.call(this, sql);
  } as typeof query);
  journal.found();
  knownAddresses(journal.db);
  const reader = new SqliteReader(openToRead(directory.file()));
  const after = assigned(7).correlationId;
  for (const order of ["age", "amount"] as const) {
    for (const state of [null, "held"] as const) {
      await reader.list({ state, order, limit: 5, after: null });
      await reader.list({ state, order, limit: 5, after });
    }
  }
  await reader.ages([AT_MS - 1, AT_MS - 2, AT_MS - 3], 5);
  await reader.openByProcessor();
  await reader.openAt(0, { fromMs: 0, toMs: AT_MS }, 5);
  await reader.close();
  const those = [...asked].filter((sql) => sql.includes("unsettled"));
  expect(those).toHaveLength(13);
  for (const sql of those) {
    const plan = journal.db
      .query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => detail);
    expect(plan.filter((step) => step.startsWith("SCAN payments"))).toEqual([]);
    const sorts = plan.filter((step) => step === "USE TEMP B-TREE FOR ORDER BY");
    // In the order of acceptance nothing is sorted: the first ones are given without reading the others.
    expect([sql, sorts.length > 0]).toEqual([sql, sql.includes("ORDER BY amount_cents")]);
  }
});
