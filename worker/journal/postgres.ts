/**
 * Opens the journal on PostgreSQL, which several workers share: each has a stream in which it commits, and
 * shards whose payments are its own. Loaded only when `JOURNAL` names a database.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Configured } from "../cluster/configuration.ts";
import { reachedAt, type ReachedBy } from "../cluster/reached-at.ts";
import { BEAT_MS } from "../cluster/lease.ts";
import { shownJournal } from "../journal-url.ts";
import { LEDGER_ROWS_MAX, STREAM_CENTS_MAX } from "../limits.ts";
import type { JournalHead, ProcessorMode } from "../transitions.ts";
import type { KnownAddress } from "../addresses.ts";
import { knownAddressesIn } from "./postgres/addresses.ts";
import { refuseMoved } from "./moved.ts";
import { checkDatabase } from "./postgres/checks.ts";
import { Connection, patiently } from "./postgres/connection.ts";
import { callOf } from "./postgres/functions.ts";
import { besideLiving } from "./postgres/living.ts";
import { PostgresJournal } from "./postgres/journal.ts";
import { Lease, type Identity } from "./postgres/lease.ts";
import {
  migratePostgres,
  POSTGRES_MIGRATIONS,
  refuseLater,
  schemaOf,
} from "./postgres/migrations.ts";
import { swept } from "./postgres/sweep.ts";

export type PostgresSettings = {
  readonly JOURNAL: string;
  readonly CLUSTER_ALLOW_SINGLE: boolean;
  readonly WORKER_NAME: string;
  readonly PROCESSORS: readonly Configured[];
} & ReachedBy;

export type PostgresOptions = {
  readonly fatal?: (reason: string) => void;
  readonly warn?: (reason: string) => void;
  /** Told once whom it waits for, and of each migration. */
  readonly say?: (sentence: string) => void;
};

/** Opens or creates the journal. Rejects with one sentence when it cannot be. */
export async function openPostgresJournal(
  settings: PostgresSettings,
  clock: Clock,
  options: PostgresOptions = {},
): Promise<{ readonly journal: PostgresJournal; readonly isNew: boolean }> {
  const name = shownJournal(settings.JOURNAL);
  const about = (reason: string) => `journal ${name}: ${reason}`;
  const { fatal = fail, warn = () => {}, say = () => {} } = options;
  const [writing, beside] = [new Connection(settings.JOURNAL), new Connection(settings.JOURNAL)];
  const reading = new Connection(settings.JOURNAL, Number.POSITIVE_INFINITY);
  const { CLUSTER_ALLOW_SINGLE: allowSingle } = settings;
  try {
    const reached = <T>(act: () => Promise<T>) =>
      patiently(act, clock, (reason) => say(about(`cannot be reached yet: ${reason}`)));
    const { warnings } = await reached(() => checkDatabase(writing, clock, allowSingle));
    for (const warning of warnings) warn(about(warning));
    const migrated = async () => {
      const done = await reached(() => migratePostgres(reading));
      for (const migration of done) say(about(`migrated: ${migration}`));
    };
    // A database that somebody works on with an earlier schema is left as it is until that one has ended.
    const schema = await reached(() => schemaOf((...question) => reading.ask(...question)));
    refuseLater(schema);
    if (schema > 0 && schema < POSTGRES_MIGRATIONS.length) {
      await onceLeft(reading, clock, (sentence) => say(about(sentence)));
    }
    await migrated();
    const identity = identityOf(settings);
    const lease = await Lease.take(beside, identity, clock, (sentence) => say(about(sentence)));
    const started = async () => {
      // Another that has joined at the same moment is seen here.
      const { refusal, silent, warnings: fees } = await reached(() => lease.besideLiving(reading));
      if (refusal !== null) throw new Error(refusal);
      if (silent !== null) throw new Error(`worker ${silent} has started at the same moment`);
      for (const warning of fees) warn(about(warning));
      return reached(() => begin(reading, lease, identity.processors, clock.wallMs()));
    };
    const head = await started().catch(async (error: Error) => {
      await lease.leave(error.message);
      throw error;
    });
    const parts = { head, lease, writing, reading, beside, clock, name, fatal };
    return { journal: new PostgresJournal(parts), isNew: schema === 0 };
  } catch (error) {
    for (const connection of [writing, reading, beside]) connection.drop();
    throw new Error(about((error as Error).message), { cause: error });
  }
}

function identityOf(settings: PostgresSettings): Identity {
  const { WORKER_NAME: name, PROCESSORS: processors } = settings;
  return { name, processors, ...reachedAt(settings) };
}

/**
 * Brings a database to this program's schema, or only says what is missing; a worker that works there ends
 * a migration in a sentence. Rejects with one.
 */
export async function migrateAlone(
  url: string,
  isDryRun: boolean,
): Promise<{ readonly schema: number; readonly pending: readonly string[] }> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  try {
    const schema = await schemaOf((...question) => connection.ask(...question));
    refuseLater(schema);
    const pending = POSTGRES_MIGRATIONS.slice(schema).map(({ name }) => name);
    if (isDryRun || pending.length === 0) return { schema, pending };
    if (schema > 0) await refuseWhileWorked(connection);
    return { schema, pending: await migratePostgres(connection) };
  } catch (error) {
    throw new Error(`journal ${shownJournal(url)}: ${(error as Error).message}`, { cause: error });
  } finally {
    connection.drop();
  }
}

export type Inspected = {
  /** Sentences on what a start would only say. */
  readonly warnings: readonly string[];
  readonly schema: number;
  readonly addresses: readonly KnownAddress[];
  /** Why a start is refused while others live, in one sentence, or null; one of its own name is to be replaced. */
  readonly refusal: string | null;
};

/** Looks at a database as a start would, and writes nothing. Rejects with one sentence. */
export async function inspect(
  settings: Pick<
    PostgresSettings,
    "JOURNAL" | "CLUSTER_ALLOW_SINGLE" | "WORKER_NAME" | "PROCESSORS"
  >,
  clock: Clock,
): Promise<Inspected> {
  const { JOURNAL: url, CLUSTER_ALLOW_SINGLE, WORKER_NAME: name, PROCESSORS } = settings;
  const connection = new Connection(url);
  try {
    const { warnings } = await checkDatabase(connection, clock, CLUSTER_ALLOW_SINGLE);
    const schema = await schemaOf((...question) => connection.ask(...question));
    refuseLater(schema);
    const addresses = schema === 0 ? [] : await knownAddressesIn(connection);
    if (schema !== POSTGRES_MIGRATIONS.length) {
      return { warnings, schema, addresses, refusal: null };
    }
    refuseMoved(await movedAtMs(connection));
    const living = await besideLiving(connection, { name, processors: PROCESSORS }, null);
    const all = [...warnings, ...living.warnings];
    const { refusal, refusalByOthers } = living;
    if (refusal !== null && refusalByOthers === null) all.push(`${refusal}${REPLACED}`);
    return { warnings: all, schema, addresses, refusal: refusalByOthers };
  } catch (error) {
    throw new Error(`journal ${shownJournal(url)}: ${(error as Error).message}`, { cause: error });
  } finally {
    connection.drop();
  }
}

/** Said of a worker with this one's name. */
const REPLACED = " (it has this one's name, and has to end before this one can start)";

async function movedAtMs(connection: Connection): Promise<number | null> {
  const [row] = await connection.ask<{ at: number | null }>(
    "SELECT moved_at_ms::float8 AS at FROM meta",
  );
  return row?.at ?? null;
}

async function refuseWhileWorked(connection: Connection): Promise<void> {
  const name = await livingIn(connection);
  if (name !== null) throw new Error(`worker ${name} works there: stop it first`);
}

/**
 * Resolves when no worker of an earlier version is there any more, works or waits; `told` hears once whom it
 * waits for. Of several that wait so, the first to see its end migrates, and lives when others look again.
 */
async function onceLeft(
  connection: Connection,
  clock: Clock,
  told: (sentence: string) => void,
): Promise<void> {
  for (let isTold = false; ; isTold = true) {
    const name = await patiently(() => livingIn(connection), clock);
    if (name === null) return;
    const schema = () => schemaOf((...question) => connection.ask(...question));
    if ((await patiently(schema, clock)) >= POSTGRES_MIGRATIONS.length) return;
    if (!isTold) told(`waits for worker ${name}, which is of an earlier version: it has to end`);
    await Bun.sleep(BEAT_MS);
  }
}

async function livingIn(connection: Connection): Promise<string | null> {
  const [living] = await connection.ask<{ name: string }>(
    "SELECT name FROM workers WHERE sealed_at IS NULL AND alive_until > clock_timestamp() LIMIT 1",
  );
  return living?.name ?? null;
}

type HeadColumns = {
  readonly epoch: number;
  readonly next_seq: number;
  readonly restored_at_ms: number | null;
  readonly pruned_before_ms: number | null;
  readonly moved_at_ms: number | null;
  readonly base_row: number;
  readonly next_row: number;
  readonly cents: number;
  readonly processors: readonly string[] | null;
  readonly modes: readonly ProcessorMode[] | null;
};

async function begin(
  connection: Connection,
  { worker, stream }: Lease,
  processors: readonly Configured[],
  nowMs: number,
): Promise<JournalHead> {
  const names = processors.map(({ name }) => name);
  const ask = async () => {
    const values = [stream, worker, names, Math.floor(nowMs / 1_000)];
    const [head] = await connection.ask<HeadColumns>(callOf("begin"), values);
    return head!;
  };
  let head = await ask();
  refuseMoved(head.moved_at_ms);
  if (head.base_row >= LEDGER_ROWS_MAX / 2 && head.base_row === head.next_row) {
    // Numbers of rows may begin anew once nothing is left of the old ones.
    await swept(connection);
    head = await ask();
  }
  return {
    epoch: head.epoch,
    stream,
    nextSeq: head.next_seq,
    restoredAtMs: head.restored_at_ms,
    prunedBeforeMs: head.pruned_before_ms,
    baseRow: head.base_row,
    nextRow: head.next_row,
    centsLeft: STREAM_CENTS_MAX - head.cents,
    processors: head.processors ?? [],
    modes: head.modes ?? [],
  };
}

function fail(reason: string): never {
  throw new Error(reason);
}
