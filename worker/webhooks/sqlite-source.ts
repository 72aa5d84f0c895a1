/** Reads webhooks from a journal's file, through a connection that cannot write. */
import type { Database } from "bun:sqlite";
import { SqliteEndings } from "../events/sqlite-endings.ts";
import type { FailedWebhook } from "../transitions.ts";
import type { ListedWebhooks, WebhookSource, WebhooksState } from "./source.ts";

export class SqliteSource extends SqliteEndings implements WebhookSource {
  readonly #statements: ReturnType<typeof prepare>;

  /** `db` is closed with it. */
  constructor(db: Database) {
    super(db);
    this.#statements = prepare(db);
  }

  async state(): Promise<WebhooksState | null> {
    return this.#statements.state.get();
  }

  async retrying(): Promise<FailedWebhook[]> {
    return this.#statements.retrying.all();
  }

  async list(limit: number): Promise<ListedWebhooks> {
    const { counts, listed } = this.#statements;
    return this.db.transaction(() => {
      const { retrying, givenUp } = counts.get()!;
      return { retrying, givenUp, deliveries: listed.all(limit) };
    })();
  }
}

const DELIVERY = `id, payment AS correlationId, type, ended_at_ms AS endedAtMs, state, tries,
  first_at_ms AS firstAtMs, next_at_ms AS nextAtMs, reason`;

function prepare(db: Database) {
  return {
    state: db.query<WebhooksState, []>(
      "SELECT cursor, target, ended_at_ms AS endedAtMs FROM webhooks",
    ),
    retrying: db.query<FailedWebhook, []>(
      `SELECT ${DELIVERY}, body FROM deliveries WHERE state = 'retrying' ORDER BY next_at_ms`,
    ),
    counts: db.query<{ retrying: number; givenUp: number }, []>(
      `SELECT count(*) FILTER (WHERE state = 'retrying') AS retrying,
         count(*) FILTER (WHERE state = 'given up') AS givenUp FROM deliveries`,
    ),
    listed: db.query<Omit<FailedWebhook, "body">, [number]>(
      `SELECT ${DELIVERY} FROM deliveries ORDER BY state, ended_at_ms, id LIMIT ?`,
    ),
  };
}
