/**
 * A connection to PostgreSQL for one question at a time, with a deadline of our own. A question that has
 * no answer in time is never cancelled: a cancelled commit that waits for its standby would be answered
 * "done". Its connection is closed, and the next question gets a new one.
 *
 * An error says whether the question has certainly not run, so that it may be forgotten, or whether nobody
 * knows, so that the same one has to be asked again:
 *
 *   not run   the connection could not be made; the server said ERROR, and so rolled back; it starts, or
 *             is full, or only reads
 *   unknown   the connection was closed in between; the server was shut down or broke; no answer in time
 */
import type { SQL } from "bun";
import type { Clock } from "../../../shared/clock.ts";

/** SQLSTATE of a broken invariant: the worker ends. */
export const BROKEN = "PL001";
/** Time for an answer; a fail-over takes longer, and is waited for by asking again. */
const ANSWER_MS_MAX = 3_000;
const CONNECT_S_MAX = 1;

/** A journal cannot go on after these: code and database do not agree on what is there. */
export class BrokenInvariant extends Error {}

export class NoAnswer extends Error {
  /** True when the question has certainly changed nothing. */
  readonly isNotRun: boolean;
  /** True when the database may be there in a moment; false when it is, and says no. */
  readonly isAway: boolean;
  /** True when it will say no until somebody changes the database or the settings. */
  readonly isForGood: boolean;

  constructor(
    reason: string,
    {
      isNotRun,
      isAway,
      isForGood = false,
    }: Pick<NoAnswer, "isNotRun" | "isAway"> & { readonly isForGood?: boolean },
    cause?: unknown,
  ) {
    super(reason, { cause });
    this.isNotRun = isNotRun;
    this.isAway = isAway;
    this.isForGood = isForGood;
  }
}

/**
 * Settings of the session. The planner is kept from plans that suit a table of another size;
 * `lock_timeout` ends, without having run, a question that waits for one which is lost; and a timeout of
 * the server's own would be a cancel.
 */
const SESSION = {
  application_name: "papa-leguas",
  synchronous_commit: "on",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
  lock_timeout: "2s",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "10s",
  default_transaction_isolation: "read committed",
} as const;

export class Connection {
  readonly #url: string;
  readonly #answerMsMax: number;
  #sql: SQL | null = null;

  constructor(url: string, answerMsMax: number = ANSWER_MS_MAX) {
    this.#url = url;
    this.#answerMsMax = answerMsMax;
  }

  /** Gives the rows. Rejects with `NoAnswer` or, when nothing will make it work, `BrokenInvariant`. */
  async ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const sql = (this.#sql ??= this.#open());
    const late = Promise.withResolvers<never>();
    const timer = Number.isFinite(this.#answerMsMax)
      ? setTimeout(() => {
          const reason = `the database has not answered for ${this.#answerMsMax} ms`;
          late.reject(new NoAnswer(reason, { isNotRun: false, isAway: true }));
        }, this.#answerMsMax)
      : undefined;
    const answer: Promise<Row[]> = sql.unsafe(text, [...values]);
    // Once it is late nobody waits for it.
    answer.catch(() => {});
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      const found = error instanceof NoAnswer ? error : noAnswerFrom(error);
      if (found instanceof NoAnswer && !isFromServer(error)) this.drop();
      throw found;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs several questions in one transaction; for a start only. */
  async together(questions: (ask: Connection["ask"]) => Promise<void>): Promise<void> {
    const sql = (this.#sql ??= this.#open());
    try {
      await sql.begin(async (transaction) => {
        await questions((text, values = []) => transaction.unsafe(text, [...values]));
      });
    } catch (error) {
      throw error instanceof Error && !isSqlError(error) ? error : noAnswerFrom(error);
    }
  }

  /** Closes it, whatever is under way. */
  drop(): void {
    const sql = this.#sql;
    this.#sql = null;
    void sql?.close({ timeout: 0 }).catch(() => {});
  }

  #open(): SQL {
    return new Bun.SQL({
      url: this.#url,
      max: 1,
      connectionTimeout: CONNECT_S_MAX,
      idleTimeout: 0,
      maxLifetime: 0,
      connection: { ...SESSION },
    });
  }
}

type SqlError = Error & {
  readonly code: string;
  readonly errno?: string;
  readonly severity?: string;
};

function isSqlError(error: unknown): error is SqlError {
  return (
    error instanceof Error && String((error as { code?: unknown }).code).startsWith("ERR_POSTGRES_")
  );
}

/** An error after which the connection goes on. */
function isFromServer(error: unknown): boolean {
  return isSqlError(error) && error.severity === "ERROR" && !NOT_NOW.test(stateOf(error));
}

function stateOf({ errno }: SqlError): string {
  return String(errno ?? "");
}

/** Codes of a connection that was never made. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ERR_POSTGRES_CONNECTION_REFUSED",
  "ERR_POSTGRES_CONNECTION_FAILED",
  "ERR_POSTGRES_CONNECTION_TIMEOUT",
]);
/** SQLSTATE of a server that is not for us now: it starts, is full, or is not the primary yet, or any more. */
const NOT_NOW = /^(?:57P03|53300|25006)$/;
/** SQLSTATE of a server that knows no such user, password or database, or no such setting of a session. */
const NEVER = /^(?:28...|3D000|08P01)$/;
/** SQLSTATE of a statement that the server does not know, or has no right to for this user. */
const MISSING = /^42...$/;
/** SQLSTATE of a function or a table that is not there, though this worker's start has seen it. */
const GONE = /^42(?:883|P01)$/;
/** SQLSTATE of a constraint that a transition breaks. */
const CONSTRAINT = /^23...$/;

function noAnswerFrom(error: unknown): Error {
  if (!isSqlError(error)) return error as Error;
  const { code, message } = error;
  const state = stateOf(error);
  if (state === BROKEN || CONSTRAINT.test(state))
    return new BrokenInvariant(message, { cause: error });
  if (GONE.test(state)) return new BrokenInvariant(oneLine(message), { cause: error });
  const isBarred = NEVER.test(state) || code.includes("AUTHENTICATION");
  const isRefused = isFromServer(error) || isBarred;
  const isNotRun = isRefused || NOT_CONNECTED.has(code) || NOT_NOW.test(state);
  const isForGood = MISSING.test(state) || isBarred;
  return new NoAnswer(oneLine(message), { isNotRun, isAway: !isRefused, isForGood }, error);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}

/** A start, which may come in the middle of a fail-over, waits so long for the database. */
const PATIENCE_MS = 30_000;
const TRY_AGAIN_MS = 500;

/** Tries again while the database is away; `told` hears the reason once. For questions that may run twice. */
export async function patiently<T>(
  act: () => Promise<T>,
  clock: Pick<Clock, "steadyMs">,
  told: (reason: string) => void = () => {},
): Promise<T> {
  const untilMs = clock.steadyMs() + PATIENCE_MS;
  for (let isTold = false; ; isTold = true) {
    try {
      return await act();
    } catch (error) {
      const isAway = error instanceof NoAnswer && error.isAway;
      if (!isAway || clock.steadyMs() > untilMs) throw error;
      if (!isTold) told(error.message);
      await Bun.sleep(TRY_AGAIN_MS);
    }
  }
}
