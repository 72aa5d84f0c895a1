/** A PostgreSQL for two workers to share: of this machine's package, on a free port, forgotten in the end. */
import { startPostgres, WHY_NO_POSTGRES } from "../testing/postgres.ts";

export type Database = {
  readonly url: string;
  stop(): Promise<void>;
  kill(): void;
};

/** Rejects with one sentence when there is none, or it does not start. */
export async function startDatabase(): Promise<Database> {
  if (WHY_NO_POSTGRES !== null) {
    throw new Error(
      "--cluster needs PostgreSQL 15 or later, as Debian and Ubuntu have it: apt-get install postgresql",
    );
  }
  const postgres = await startPostgres();
  return {
    url: await postgres.database(),
    stop: async () => postgres[Symbol.asyncDispose](),
    kill: () => postgres.child.signal("SIGKILL"),
  };
}
