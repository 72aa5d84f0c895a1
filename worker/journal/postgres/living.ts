/**
 * Reads what the workers that live were started with, and which tariffs there have been, and says whether
 * another one may start beside them (worker/cluster/configuration.ts).
 */
import {
  feesApart,
  whyNotBeside,
  type Configured,
  type Started,
  type Tariffs,
} from "../../cluster/configuration.ts";
import { readTerms, termsOf } from "../../fee-terms.ts";
import type { Tariff } from "../../../shared/tariff.ts";
import type { Connection } from "./connection.ts";

/** A processor as a worker's row has it. */
type Kept = Omit<Configured, "fee"> & { readonly fee: string };

export function keptOf(processors: readonly Configured[]): Kept[] {
  return processors.map(({ name, kind, url, fee }) => ({ name, kind, url, fee: termsOf(fee) }));
}

/**
 * `refusal`: why `me` may not start; `warnings`: on fees that differ. Both are sentences. `worker`: its number,
 * once it has one.
 */
export async function besideLiving(
  connection: Connection,
  me: Started,
  worker: number | null,
): Promise<{ readonly refusal: string | null; readonly warnings: readonly string[] }> {
  const rows = await connection.ask<{ name: string; processors: Kept[] }>(
    `SELECT name, processors FROM workers w JOIN streams t ON t.worker = w.worker
     WHERE alive_until > clock_timestamp() AND w.worker IS DISTINCT FROM $1::bigint ORDER BY w.worker`,
    [worker],
  );
  const living = rows.map(({ name, processors }) => {
    return { name, processors: processors.map((one) => ({ ...one, fee: readTerms(one.fee) })) };
  });
  const refusal = whyNotBeside(me, living, await tariffsByName(connection));
  return { refusal, warnings: feesApart(me, living) };
}

async function tariffsByName(connection: Connection): Promise<Tariffs> {
  const rows = await connection.ask<{ name: string; terms: string | null }>(
    "SELECT name, terms FROM tariffs t JOIN processors p ON p.number = t.processor ORDER BY t.number",
  );
  const tariffs = new Map<string, (Tariff | null)[]>();
  for (const { name, terms } of rows) {
    const before = tariffs.get(name) ?? [];
    tariffs.set(name, [...before, terms === null ? null : readTerms(terms)]);
  }
  return tariffs;
}
