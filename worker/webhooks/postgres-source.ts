/**
 * Reads webhooks from a journal on PostgreSQL, as worker/webhooks/sqlite-source.ts does from a file.
 * Rejects with `JournalUnreachable` while the database does not answer.
 */
import { PostgresEndings } from "../events/postgres-endings.ts";
import type { FailedWebhook } from "../transitions.ts";
import type { ListedWebhooks, WebhookSource, WebhooksState } from "./source.ts";

const DELIVERY = `id, payment::text AS "correlationId", type, ended_at_ms::float8 AS "endedAtMs", state,
  tries, first_at_ms::float8 AS "firstAtMs", next_at_ms::float8 AS "nextAtMs", reason`;

export class PostgresSource extends PostgresEndings implements WebhookSource {
  async state(): Promise<WebhooksState | null> {
    const [row] = await this.questions.ask<WebhooksState>(
      'SELECT cursor, target, ended_at_ms::float8 AS "endedAtMs" FROM webhooks',
    );
    return row === undefined ? null : { ...row };
  }

  async retrying(): Promise<FailedWebhook[]> {
    const rows = await this.questions.ask<FailedWebhook>(
      `SELECT ${DELIVERY}, body FROM deliveries WHERE state = 'retrying' ORDER BY next_at_ms`,
    );
    return [...rows];
  }

  async list(limit: number): Promise<ListedWebhooks> {
    const [counts] = await this.questions.ask<{ retrying: number; givenUp: number }>(
      `SELECT count(*) FILTER (WHERE state = 'retrying')::float8 AS retrying,
         count(*) FILTER (WHERE state = 'given up')::float8 AS "givenUp" FROM deliveries`,
    );
    const deliveries = await this.questions.ask<ListedWebhooks["deliveries"][number]>(
      `SELECT ${DELIVERY} FROM deliveries ORDER BY state, ended_at_ms, id LIMIT $1::int`,
      [limit],
    );
    const { retrying, givenUp } = counts!;
    return { retrying, givenUp, deliveries: [...deliveries] };
  }
}
