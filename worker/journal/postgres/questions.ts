/**
 * Asks a database that another process writes: over a few connections, which cannot write, with a
 * deadline for each answer. The server ends a statement that takes too long, which is harmless as long
 * as nothing is written. When it says nothing either, the connection is closed, and the next question
 * gets a new one. Only the primary is asked: snapshots of standbys may disagree with each other. A
 * primary that was cut off from the others may answer for as long as it takes itself for one.
 */
import { Overdue } from "../../../shared/net/overdue.ts";
import { JournalUnreachable } from "../../journal-reader.ts";

export type QuestionsOptions = {
  /** Connections at most, each for one question at a time; the others wait for one. */
  readonly connectionsMax?: number;
  /** Time for an answer, with the wait for a connection. */
  readonly answerMsMax?: number;
};

const CONNECTIONS_MAX = 4;
const ANSWER_MS_MAX = 4_000;
/** Share of the time for an answer after which the server ends a statement by itself. */
const STATEMENT_SHARE = 0.75;
const CONNECT_S_MAX = 1;
/** SQLSTATE of a server that goes down or has no room, of a statement that took too long, of I/O. */
const NOT_NOW = /^(?:08|53|57|58)/;

export class Questions {
  readonly #url: string;
  readonly #answerMsMax: number;
  /** Free ones, the last that was used first. */
  readonly #free: Connection[];
  readonly #all: readonly Connection[];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #isClosed = false;

  constructor(url: string, options: QuestionsOptions = {}) {
    this.#url = url;
    this.#answerMsMax = options.answerMsMax ?? ANSWER_MS_MAX;
    const length = options.connectionsMax ?? CONNECTIONS_MAX;
    this.#all = Array.from({ length }, () => new Connection(this.#url, this.#answerMsMax));
    this.#free = [...this.#all];
  }

  /** Gives the rows. Rejects with `JournalUnreachable`, or what the server says of a wrong question. */
  async ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#isClosed) throw new JournalUnreachable("The worker is shutting down.");
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const overdue = new Overdue(this.#answerMsMax, () => late.reject(notAnswered()));
    let connection: Connection | null = null;
    try {
      connection = await this.#connection(late.promise);
      return await Promise.race([connection.ask<Row>(text, values), late.promise]);
    } catch (error) {
      if (isWrong(error)) throw error;
      // Also when it is late: nobody knows what it is doing.
      connection?.drop();
      throw error instanceof JournalUnreachable ? error : notAnswered(error);
    } finally {
      overdue.cancel();
      if (connection !== null) this.#giveBack(connection);
    }
  }

  /** Ends the questions under way, too: they get no answer. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#all) connection.drop();
  }

  async #connection(late: Promise<never>): Promise<Connection> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const turn = Promise.withResolvers<Connection>();
    this.#waiting.push(turn.resolve);
    try {
      return await Promise.race([turn.promise, late]);
    } catch (error) {
      const at = this.#waiting.indexOf(turn.resolve);
      if (at !== -1) this.#waiting.splice(at, 1);
      // Its turn came in the moment in which it was late.
      else this.#giveBack(await turn.promise);
      throw error;
    }
  }

  #giveBack(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(connection);
    else this.#free.push(connection);
  }
}

class Connection {
  readonly #url: string;
  readonly #statementMsMax: number;
  #sql: Bun.SQL | null = null;

  constructor(url: string, answerMsMax: number) {
    this.#url = url;
    this.#statementMsMax = Math.ceil(answerMsMax * STATEMENT_SHARE);
  }

  async ask<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
    const sql = this.#sql ?? (await this.#open());
    return (await sql.unsafe(text, [...values])) as Row[];
  }

  drop(): void {
    const sql = this.#sql;
    this.#sql = null;
    void sql?.close({ timeout: 0 }).catch(() => {});
  }

  async #open(): Promise<Bun.SQL> {
    const sql: Bun.SQL = new Bun.SQL({
      url: this.#url,
      max: 1,
      connectionTimeout: CONNECT_S_MAX,
      idleTimeout: 0,
      maxLifetime: 0,
      // It would connect anew by itself, and nobody would ask whether that is the primary.
      onclose: () => {
        if (this.#sql === sql) this.drop();
      },
      connection: {
        application_name: "papa-leguas-reader",
        default_transaction_read_only: "on",
        statement_timeout: String(this.#statementMsMax),
        jit: "off",
      },
    });
    this.#sql = sql;
    const [row] = (await sql.unsafe("SELECT pg_is_in_recovery() AS standby")) as {
      standby: boolean;
    }[];
    if (row?.standby !== false) {
      throw new JournalUnreachable(
        "The journal's database is a standby; its primary is not there.",
      );
    }
    return sql;
  }
}

function notAnswered(cause?: unknown): JournalUnreachable {
  return new JournalUnreachable("The journal's database does not answer.", { cause });
}

/** True when the server answered, and the question is at fault. */
function isWrong(error: unknown): boolean {
  const { severity, errno } = error as { severity?: string; errno?: string };
  return severity === "ERROR" && !NOT_NOW.test(String(errno));
}
