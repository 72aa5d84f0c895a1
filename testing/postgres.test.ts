/**
 * Holds that a server with standbys promises what the journal relies on: a commit is answered while one
 * of two standbys goes on, and not while both stand still. Otherwise whatever is measured with it would
 * be measured on one machine's word.
 */
import { expect, test } from "bun:test";
import { NO_POSTGRES, startPostgres, WHY_NO_POSTGRES } from "./postgres.ts";
import { until } from "./until.ts";

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a commit waits for one of two standbys${NO_POSTGRES}`,
  async () => {
    await using server = await startPostgres({ fsync: false, standbys: 2 });
    const url = await server.database();
    await using sql = new Bun.SQL({ url, max: 1 });
    await using other = new Bun.SQL({ url, max: 1 });
    await sql.unsafe("CREATE TABLE kept (id int)");
    const [first, second] = server.standbys;
    first?.signal("SIGSTOP");
    for (const child of await childrenOf(first?.pid)) process.kill(child, "SIGSTOP");
    await sql.unsafe("INSERT INTO kept VALUES (1)");

    for (const child of await childrenOf(second?.pid)) process.kill(child, "SIGSTOP");
    let isAnswered = false;
    const insert = sql.unsafe("INSERT INTO kept VALUES (2)").then(() => (isAnswered = true));
    await until("the commit waits for a standby", async () => {
      const waits = await other.unsafe(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
      );
      return waits.length === 1;
    });
    expect(isAnswered).toBe(false);

    for (const child of await childrenOf(second?.pid)) process.kill(child, "SIGCONT");
    await insert;
    for (const child of await childrenOf(first?.pid)) process.kill(child, "SIGCONT");
    first?.signal("SIGCONT");
    expect(await other.unsafe("SELECT id FROM kept ORDER BY id")).toHaveLength(2);
  },
);

/** Processes of a server, of which the one that receives has to stop, and not only their parent. */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const text = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
  return text.trim().split(" ").filter(Boolean).map(Number);
}
