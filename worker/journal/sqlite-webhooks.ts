/** Keeps how far webhooks have come, and those that failed, in the pipeline's commits (worker/webhooks/). */
import type { Database } from "bun:sqlite";
import type { WebhookChanges } from "../transitions.ts";

export class SqliteWebhooks {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  keep({ cursor, target, endedAtMs, put, drop, dropGivenUpFromMs }: WebhookChanges): void {
    const { state, forget, forgetGivenUp, failed } = this.#statements;
    state.run(cursor, target, endedAtMs);
    for (const id of drop) forget.run(id);
    if (dropGivenUpFromMs !== undefined) forgetGivenUp.run(dropGivenUpFromMs);
    for (const one of put) {
      const { id, correlationId, type, body, tries, firstAtMs, nextAtMs, reason } = one;
      const times = [firstAtMs, nextAtMs] as const;
      failed.run(id, correlationId, type, one.endedAtMs, body, one.state, tries, ...times, reason);
    }
  }
}

function prepare(db: Database) {
  return {
    state: db.prepare("INSERT OR REPLACE INTO webhooks VALUES (1, ?, ?, ?)"),
    forget: db.prepare("DELETE FROM deliveries WHERE id = ?"),
    forgetGivenUp: db.prepare(
      "DELETE FROM deliveries WHERE state = 'given up' AND ended_at_ms >= ?",
    ),
    failed: db.prepare("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
  };
}
