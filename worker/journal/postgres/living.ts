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

export type BesideLiving = {
  /** Why the worker may not start, in one sentence, or null. */
  readonly refusal: string | null;
  /** The same without those of its own name: such a one is the worker that it is to replace. */
  readonly refusalByOthers: string | null;
  /**
   * Name of a worker beside which it might not start, whose lease is over, but which nobody has sealed: it would
   * work on if it woke up. Null: there is none.
   */
  readonly silent: string | null;
  /** Sentences on fees that differ. */
  readonly warnings: readonly string[];
};

/** `worker`: the number of `me`, once it has one. */
export async function besideLiving(
  connection: Connection,
  me: Started,
  worker: number | null,
): Promise<BesideLiving> {
  const rows = await connection.ask<{ name: string; processors: Kept[]; lives: boolean }>(
    `SELECT name, processors, alive_until > clock_timestamp() AS lives
     FROM workers w JOIN streams t ON t.worker = w.worker
     WHERE w.worker IS DISTINCT FROM $1::bigint ORDER BY w.worker`,
    [worker],
  );
  const others = rows.map(({ name, processors, lives }) => {
    const kept = processors.map((one) => ({ ...one, fee: readTerms(one.fee) }));
    return { name, processors: kept, lives };
  });
  const tariffs = await tariffsByName(connection);
  const isBarredBy = (other: Started) => whyNotBeside(me, [other], tariffs) !== null;
  const living = others.filter(({ lives }) => lives);
  const silent = others.find((other) => !other.lives && isBarredBy(other))?.name ?? null;
  const refusalBy = (some: readonly Started[]) => whyNotBeside(me, some, tariffs);
  return {
    refusal: refusalBy(living),
    refusalByOthers: refusalBy(living.filter(({ name }) => name !== me.name)),
    silent,
    warnings: feesApart(me, living),
  };
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
