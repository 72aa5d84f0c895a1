/**
 * A history of payments in every state and every answer about it, for the contract of readers and for
 * moves from one driver to another; and a journal on PostgreSQL with what a journal's file has.
 */
import { seededRandom } from "../../testing/random.ts";
import type { JournalReader, PagePlace } from "../journal-reader.ts";
import { openToRead } from "../format.ts";
import { BLOCK_ROWS, PAYMENT_STATES, type Transition } from "../transitions.ts";
import { accept, AT_MS, failed, settle, uuid } from "./journal.fixture.ts";
import { TABLE_NAMES } from "./move/facts.ts";
import { writeDatabase } from "./move/postgres.ts";
import { sourceOf } from "./move/sqlite.ts";
import { Connection } from "./postgres/connection.ts";
import { STREAM } from "./postgres/ledger.ts";
import { migratePostgres } from "./postgres/migrations.ts";

export const PAYMENTS = 700;
const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const said = (atMs: number, action: string) => {
  return {
    atMs,
    action,
    who: "ana",
    why: `of ${atMs}`,
    evidence: atMs % 2 === 0 ? "a mail" : null,
  };
};

/** Payments in every state, with some and with very many attempts, amounts that repeat, and decisions. */
export function history(seed: number): Transition[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const all: Transition[] = [];
  let row = 0;
  for (let seq = 1; seq <= PAYMENTS; seq++) {
    const amountCents = 1 + below(9);
    const processor = below(2);
    const requestedAtMs = AT_MS + 100 + below(50);
    if (below(9) === 0) {
      all.push(accept(seq, { amountCents, reference: `order ${below(99)}` }));
      if (below(2) === 0) all.push({ kind: "hold", seq, intervention: said(AT_MS + seq, "hold") });
      continue;
    }
    const assignment = { processor, requestedAtMs };
    const hasSource = below(3) === 0;
    const reference = seq % 2 === 0 ? "=shared" : `Pedido nº ${seq}`;
    const carried = hasSource ? { source: "tok", reference } : {};
    all.push(accept(seq, { amountCents, assignment, ...carried }));
    const attempts = below(4) === 0 ? below(12) : 0;
    for (let n = 0; n < attempts; n++) {
      const attempt = { atMs: requestedAtMs + below(40), processor, outcome: "unknown" } as const;
      all.push({ kind: "unknown", seq, attempt: { ...attempt, reason: `${n}` } });
    }
    const fate = attempts > 0 ? 3 + below(9) : below(12);
    if (fate === 0)
      all.push(Object.assign(failed("reject", seq, processor, "no", "no_funds"), { hasSource }));
    else if (fate === 1) all.push(failed("release", seq, processor));
    else if (fate === 3)
      all.push(Object.assign(failed("conflict", seq, processor, "another body"), { hasSource }));
    else if (fate === 4) {
      for (const action of ["ask", "hold"] as const) {
        all.push({ kind: action, seq, intervention: said(AT_MS + seq, action) });
      }
    } else if (fate > 5) {
      const at = { requestedAtMs, amountCents, settledAtMs: requestedAtMs + 60 };
      all.push(settle(seq, row++, { processor, hasSource, ...at }));
    }
  }
  const mode = { kind: "mode", processor: 1, mode: "drained" } as const;
  all.push({ ...mode, intervention: said(AT_MS, "drain") });
  all.push({ ...mode, mode: "auto", intervention: said(AT_MS + 1, "auto") });
  return all;
}

const bySeq = (a: { readonly seq: number }, b: { readonly seq: number }) => a.seq - b.seq;

/** Many payments have the first, few that wait the second, and none the last. */
const REFERENCES = ["=shared", "order 7", "nobody's"] as const;
const STATES_LISTED = [null, "unknown", "accepted", "rejected"] as const;

/** Pages of both orders, from the beginning and from the middle, of everything and of some. */
async function pagesOf(reader: JournalReader) {
  const half = PAYMENTS / 2;
  const [fromMs, toMs] = [AT_MS + 110, AT_MS + 140];
  const front = { order: "accepted", ...EVER, waiting: true, beforeSeq: PAYMENTS + 1 } as const;
  const rest = { order: "requested", fromMs: 0, beforeMs: toMs, beforeSeq: half } as const;
  const places: PagePlace[] = [
    front,
    { ...front, fromMs, toMs, waiting: false, beforeSeq: half },
    { ...front, fromMs, beforeSeq: half },
    rest,
    { ...rest, fromMs, beforeSeq: 0 },
  ];
  const rows = [
    { fromRow: 10, toRow: 60 },
    { fromRow: 100, toRow: Number.MAX_SAFE_INTEGER },
  ];
  const filters = [null, 0, 1].flatMap((processor) =>
    STATES_LISTED.map((state) => ({ state, processor })),
  );
  return {
    open: await Promise.all(
      places.flatMap((place) => filters.map((filter) => reader.pageOfOpen(place, filter, 20))),
    ),
    settled: await Promise.all(
      places.flatMap((place) =>
        [null, 0, 1].map((processor) => reader.pageOfSettled(rows, place, processor, 20)),
      ),
    ),
    ofReference: await Promise.all(
      places.flatMap((place) =>
        filters.flatMap((filter) =>
          REFERENCES.map((one) => reader.pageOfReference(one, place, filter, 20)),
        ),
      ),
    ),
    newestMs: await reader.newestOpenMs(),
    newestOfReferenceMs: await Promise.all(
      REFERENCES.map((reference) => reader.newestOfReferenceMs(reference)),
    ),
  };
}

async function everythingIn(reader: JournalReader) {
  const streams = await reader.ledger();
  return (await Promise.all(streams.map((rows) => reader.exported(rows, EVER)))).flat();
}

/** Every answer. */
export async function answersOf(reader: JournalReader) {
  const ids = Array.from({ length: PAYMENTS + 1 }, (_, n) => uuid(n + 1));
  const orders = ["age", "amount"] as const;
  const lists = orders.flatMap((order) =>
    [null, ...PAYMENT_STATES].flatMap((state) =>
      [null, uuid(1), uuid(350), uuid(PAYMENTS + 1)].map((after) =>
        reader.list({ state, order, limit: 30, after }),
      ),
    ),
  );
  const bounds = [AT_MS + 600, AT_MS + 400, AT_MS + 200] as const;
  const instants = [AT_MS + 120, AT_MS + 103, AT_MS + 140];
  const some = { fromMs: AT_MS + 110, toMs: AT_MS + 130 };
  const of = async (processor: number) => ({
    last: await reader.lastIntervention(processor),
    settled: await reader.settledIn(processor, { fromRow: 0, toRow: 2 * BLOCK_ROWS }, some, 1_000),
    few: await reader.settledIn(processor, { fromRow: 10, toRow: 500 }, EVER, 7),
    open: (await reader.openAt(processor, EVER, 1_000)).sort(bySeq),
    openThen: (await reader.openAt(processor, some, 1_000)).sort(bySeq),
    openFew: (await reader.openAt(processor, EVER, 3)).length,
    requested: (await reader.requestedAt(instants, processor, 1_000)).sort(bySeq),
    requestedFew: (await reader.requestedAt(instants, processor, 2)).length,
    tried: [...(await reader.attemptsAfter(processor, instants, 12))].sort(),
  });
  return {
    payments: await Promise.all(ids.map((id) => reader.payment(id))),
    stories: await Promise.all(ids.map((id) => reader.story(id))),
    lists: await Promise.all(lists),
    pages: await pagesOf(reader),
    ages: await reader.ages(bounds, 20_000),
    oldest: await reader.ages(bounds, 17),
    open: await reader.openByProcessor(),
    rows: await Promise.all([
      reader.rows(0, BLOCK_ROWS),
      reader.rows(BLOCK_ROWS, 2 * BLOCK_ROWS),
      reader.rows(10_000, 10_256),
    ]),
    at: [await of(0), await of(1)],
    exported: await reader.exported({ stream: STREAM, fromRow: 10, toRow: 400 }, some),
    everything: await everythingIn(reader),
    ledger: await reader.ledger(),
    charging: await reader.charging(),
    prunedBeforeMs: await reader.prunedBeforeMs(),
    addresses: await Promise.all(
      ["default", "fallback", "nobody"].map((name) => reader.address(name)),
    ),
    forgotten: await reader.forgottenUpToMs(),
    restored: await reader.restoredAtMs(),
  };
}

/** Copies the file at `path` into the empty database at `url`. */
export async function copyToPostgres(path: string, url: string): Promise<void> {
  using file = openToRead(path);
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  await migratePostgres(connection);
  const source = sourceOf(file);
  await connection.together((ask) => writeDatabase(ask, source, TABLE_NAMES, () => {}));
  // Rows below the base are deleted later.
  const { baseRow } = await source.meta();
  if (baseRow > 0) {
    await connection.ask("INSERT INTO ledger VALUES ($1::int, $2::bigint, 1, 1, $3::uuid, 0)", [
      STREAM,
      baseRow - 1,
      crypto.randomUUID(),
    ]);
  }
  connection.drop();
}
