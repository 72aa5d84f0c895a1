/** Reads the tariffs that a journal on PostgreSQL has, and begins those that a configuration asks for. */
import { readTerms } from "../../fee-terms.ts";
import { beginningWith, type KnownTariff, type Priced } from "../../tariffs.ts";
import { IS_OPEN } from "./open-rows.ts";
import { NEWEST } from "./functions.ts";
import type { Ask } from "./ledger.ts";

type Columns = {
  readonly number: number;
  readonly processor: number;
  readonly from_ms: number;
  readonly terms: string | null;
};

export async function tariffsIn(ask: Ask): Promise<KnownTariff[]> {
  const rows = await ask<Columns>(
    "SELECT number, processor, from_ms::float8, terms FROM tariffs ORDER BY number",
    [],
  );
  return rows.map(({ number, processor, from_ms: fromMs, terms }) => {
    return { number, processor, fromMs, terms: terms === null ? null : readTerms(terms) };
  });
}

/**
 * The tariffs that there are, and those that are to begin behind every payment that was sent. `copiedMs`: the
 * time by our clock, when nobody here knows what was sent after the copy was made; else null.
 */
export async function tariffsWith(
  ask: Ask,
  configured: readonly Priced[],
  copiedMs: number | null,
): Promise<{ readonly known: KnownTariff[]; readonly begun: KnownTariff[] }> {
  const known = await tariffsIn(ask);
  // The ledger is asked for its newest instant only when something begins behind it.
  if (beginningWith(known, configured, () => 0).length === 0) return { known, begun: [] };
  const [newest] = await ask<{ ms: number | null }>(
    `SELECT greatest(${NEWEST},
       (SELECT max(requested_at_ms) FROM payments WHERE ${IS_OPEN}))::float8 AS ms`,
    [],
  );
  const newestMs = newest?.ms ?? Number.NEGATIVE_INFINITY;
  const upToMs = copiedMs === null ? newestMs : Math.max(newestMs, copiedMs);
  return { known, begun: beginningWith(known, configured, () => upToMs) };
}
