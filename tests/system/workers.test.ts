/**
 * Two workers that are active at once over a PostgreSQL, as `dev --cluster` starts them: both take payments,
 * each those of its shards; and when one is killed, the other takes its shards over, and every payment is
 * charged once and counted once.
 */
import { expect, test } from "bun:test";
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { shardOf, SHARDS } from "../../shared/shards.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";

const TEST_MS_MAX = 120_000;
const WAIT_MS = 30_000;
const CENTS = 100;

async function mapAt(port: number): Promise<ClusterMap | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/cluster`).catch(() => null);
  return answer?.ok === true ? ((await answer.json()) as ClusterMap) : null;
}

/** Pays until each is taken, as a shop does that was told to come again. */
async function paid({ gateway }: Stand, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  let left = ids;
  await until("all of them are taken", WAIT_MS, async () => {
    const answers = await Promise.all(left.map((id) => gateway.pay(id, CENTS).catch(() => 503)));
    left = left.filter((_, i) => answers[i] !== 202);
    return left.length === 0;
  });
  return ids;
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `two workers take payments at once, and one goes on with those of the other${NO_POSTGRES}`,
  async () => {
    await using stand = await startStand({ args: ["--cluster"] });
    const { gateway, ports } = stand;
    let map: ClusterMap | null = null;
    await until("both have half of the shards", WAIT_MS, async () => {
      map = await mapAt(ports.HTTP_PORT);
      const counts = map?.workers.map(({ shards }) => shards.length) ?? [];
      return counts.length === 2 && counts.every((count) => count === SHARDS / 2);
    });
    const before = await paid(stand, 100);
    const owners = map!.workers.map(({ shards }) => {
      return before.filter((id) => shards.includes(shardOf(id))).length;
    });
    expect(owners.every((count) => count > 0)).toBe(true);
    process.kill(stand.pidOf("worker-1"), "SIGKILL");
    const after = await paid(stand, 100);
    await until("all are settled", WAIT_MS, async () => {
      // An API passes on 128 questions at a time, and refuses more.
      for (const ids of [before, after]) {
        const states = await Promise.all(ids.map((id) => gateway.stateOf(id)));
        if (states.some((state) => state !== "settled")) return false;
      }
      return true;
    });
    const sums = Object.values(await gateway.summary(null));
    const charged = await Promise.all(
      [stand.preferred, stand.dearer].map((processor) => processor.summary(null)),
    );
    expect(charged.reduce((all, { count }) => all + count, 0)).toBe(200);
    expect(sums.reduce((all, { count }) => all + count, 0)).toBe(200);
    expect(sums.reduce((all, { cents }) => all + cents, 0)).toBe(200 * CENTS);
  },
  TEST_MS_MAX,
);
