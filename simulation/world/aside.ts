/** Looks on, beside the run and without a part in it. */
import type { Database } from "bun:sqlite";
import { drainMicrotasks } from "bun:jsc";
import { SqliteReader } from "../../worker/journal/sqlite-reader.ts";
import { checkBits } from "./bits.ts";
import { checkBooks } from "./books.ts";
import { checkReading } from "./reading.ts";
import type { Scene } from "./scene.ts";
import { checkWords } from "./words.ts";
import { Violation } from "./violation.ts";

/** Shares of the seeds that have each. */
const SHARES = { books: 0.1, reading: 0.1, bits: 0.2, words: 0.3 };
const LOOKS = 2;

/** Plans what looks on while the world is troubled; gives what looks when all is over. */
export function planAside(world: Scene): () => void {
  const { aside, time, plan, disk } = world;
  const [books, reading, bits] = [SHARES.books, SHARES.reading, SHARES.bits].map((share) =>
    aside.happens(share),
  );
  if (books) expectEnd(world, "R18: the ledger", checkBooks(aside.fork()));
  const look = reading ? lookAt(world) : () => {};
  for (let i = 0; i < LOOKS; i++) time.after(aside.next() * plan.troubleMs, look);
  return () => {
    look();
    if (bits) world.watch(() => checkBits(disk.copy(), aside));
    if (aside.happens(SHARES.words)) world.watch(() => checkWords(aside));
  };
}

/** A reader looks again and again, as a worker's does, as long as the journal is the same. */
function lookAt(world: Scene): () => void {
  const { aside, disk } = world;
  let kept: { readonly db: Database; readonly reader: SqliteReader } | null = null;
  return () => {
    if (world.isRestoring || !world.gateway.up) return;
    const { db } = disk;
    if (kept?.db !== db) kept = { db, reader: new SqliteReader(db) };
    expectEnd(world, "R20: the reading", checkReading(db, kept.reader, aside));
  };
}

/** Runs what needs no event of the world, only turns of its promises. */
function expectEnd(world: Scene, what: string, check: Promise<void>): void {
  let isOver = false;
  check
    .finally(() => (isOver = true))
    .catch((error: Error) =>
      world.watch(() => {
        throw error;
      }),
    );
  drainMicrotasks();
  world.watch(() => {
    if (!isOver) throw new Violation(`${what} has no end`);
  });
}
