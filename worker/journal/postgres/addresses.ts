/** Reads the addresses that a journal on PostgreSQL knows, with how many payments are open at each. */
import type { KnownAddress } from "../../addresses.ts";
import { CODE } from "../sqlite-moves.ts";
import type { Connection } from "./connection.ts";
import { IS_OPEN } from "./open-rows.ts";

const OPEN = [CODE.assigned, CODE.unknown, CODE.held].join(", ");

export function knownAddressesIn(connection: Connection): Promise<KnownAddress[]> {
  return connection.ask<KnownAddress>(
    `SELECT number, name, url, coalesce(open, 0)::int AS open FROM processors LEFT JOIN (
       SELECT processor, count(*) AS open FROM payments
       WHERE ${IS_OPEN} AND state IN (${OPEN}) GROUP BY processor
     ) p ON processor = number ORDER BY number`,
  );
}
