/**
 * Refuses a database that payments may not be trusted to. Each refusal is one sentence with what to do; a
 * clock that differs is only said.
 */
import type { Clock } from "../../../shared/clock.ts";
import type { Connection } from "./connection.ts";

const VERSION_MIN = 15;
const CLOCKS_APART_MS_MAX = 1_000;

type Found = {
  readonly version: number;
  readonly is_standby: boolean;
  readonly standbys: string;
  readonly fsync: string;
  readonly sequential: string;
  readonly lock_timeout: string;
  readonly commit: string;
  readonly now_ms: number;
};

export type Checked = {
  /** Sentences for the log. */
  readonly warnings: readonly string[];
};

/** Throws with one sentence when it will not do. */
export async function checkDatabase(
  connection: Connection,
  clock: Clock,
  allowSingle: boolean,
): Promise<Checked> {
  const askedAtMs = clock.wallMs();
  const [found] = await connection.ask<Found>(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS is_standby,
       current_setting('synchronous_standby_names') AS standbys, current_setting('fsync') AS fsync,
       current_setting('enable_seqscan') AS sequential, current_setting('lock_timeout') AS lock_timeout,
       current_setting('synchronous_commit') AS commit,
       (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`,
  );
  if (found === undefined) throw new Error("it does not say what it is");
  const refusal = whyNot(found, allowSingle);
  if (refusal !== null) throw new Error(refusal);
  const apartMs = Math.round(found.now_ms - (askedAtMs + clock.wallMs()) / 2);
  if (Math.abs(apartMs) <= CLOCKS_APART_MS_MAX) return { warnings: [] };
  return {
    warnings: [
      `the database's clock is ${apartMs} ms from ours: leases go by its clock, and instants of payments by ours`,
    ],
  };
}

/** The first reason why it will not do, or null. */
export function whyNot(found: Omit<Found, "now_ms">, allowSingle: boolean): string | null {
  const { version, is_standby, standbys, fsync, sequential, lock_timeout, commit } = found;
  if (version < VERSION_MIN * 10_000) {
    return `it is PostgreSQL ${Math.floor(version / 10_000)}, and ${VERSION_MIN} or later is needed`;
  }
  if (is_standby) {
    return "it is a standby, which only reads: the URL has to lead to the primary";
  }
  if (sequential !== "off" || lock_timeout !== "2s" || commit !== "on") {
    return `the settings of our session did not arrive: between is a pooler, as PgBouncer in transaction \
mode, which gives each statement another session; connect to PostgreSQL itself`;
  }
  if (allowSingle) return null;
  if (fsync !== "on") return `its fsync is ${fsync}, so that a power cut loses payments; ${SINGLE}`;
  if (standbys.trim() === "") {
    return `it has no synchronous standby (synchronous_standby_names is empty), so that payments which were \
acknowledged are lost with its machine; ${SINGLE}`;
  }
  return null;
}

const SINGLE = "CLUSTER_ALLOW_SINGLE=true takes it all the same";
