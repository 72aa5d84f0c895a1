import type { Connection } from "./connection.ts";
import { callOf } from "./functions.ts";

const SWEEP = callOf("sweep");
const AT_ONCE = 5_000;

/** Deletes all rows below the bases of streams, in pieces. */
export async function swept(connection: Connection, isOver = () => false): Promise<void> {
  const purged = await connection.ask<{ stream: number }>(
    "SELECT stream::int FROM streams WHERE base > 0 ORDER BY stream",
  );
  for (const { stream } of purged) {
    for (let gone = 1; gone > 0 && !isOver();) {
      const values = [stream, AT_ONCE];
      const [row] = await connection.ask<{ gone: string }>(SWEEP, values);
      gone = Number(row?.gone ?? 0);
    }
  }
}
