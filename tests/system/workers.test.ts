/**
 * Two workers that are active at once over a PostgreSQL, as `dev --cluster` starts them: both take payments,
 * each those of its shards; and when one is killed, or stopped for longer than its lease, the other takes its
 * shards over, and every payment is charged once and counted once. A third that joins gets its part.
 */
import { expect, test } from "bun:test";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { shardOf, SHARDS } from "../../shared/shards.ts";
import { GatewayClient } from "../../testing/gateway.ts";
import { freePorts } from "../../testing/ports.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { Child } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";

const CENTS = 100;
/** Payments that a shop sends at once, and the pause between two of its turns. */
const AT_ONCE = 10;
const PAUSE_MS = 20;
/** More than three leases. */
const STOPPED_MS = 10_000;
/** The one that takes over gives nothing back for so long. */
const CALL_MS_MAX = 2_000;
const ADMIN_TOKEN = "token";

async function mapAt(port: number): Promise<ClusterMap | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/cluster`).catch(() => null);
  return answer?.ok === true ? ((await answer.json()) as ClusterMap) : null;
}

/** Pays until each is taken, as a shop does that was told to come again. */
async function paid({ gateway }: Stand, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  let left = ids;
  await until("all of them are taken", async () => {
    const answers = await Promise.all(left.map((id) => gateway.pay(id, CENTS).catch(() => 503)));
    left = left.filter((_, i) => answers[i] !== 202);
    return left.length === 0;
  });
  return ids;
}

/** Pays one after the other until it is stopped, each until it is taken. */
class Shop {
  readonly ids: string[] = [];
  readonly #stand: Stand;
  readonly #running: Promise<void>;
  #isOpen = true;

  constructor(stand: Stand) {
    this.#stand = stand;
    this.#running = this.#run();
  }

  async close(): Promise<readonly string[]> {
    this.#isOpen = false;
    await this.#running;
    return this.ids;
  }

  async #run(): Promise<void> {
    while (this.#isOpen) {
      this.ids.push(...(await paid(this.#stand, AT_ONCE)));
      await Bun.sleep(PAUSE_MS);
    }
  }
}

/** Waits until all are settled, and expects that each was charged once, and all are counted once. */
async function expectOnce({ gateway, preferred, dearer }: Stand, ids: readonly string[]) {
  await until("all are settled", () => gateway.areSettled(ids));
  const books = await Promise.all([preferred, dearer].map((processor) => processor.payments()));
  const charged = books.flat().map(({ correlationId }) => correlationId);
  expect(charged.toSorted()).toEqual(ids.toSorted());
  const sums = Object.values(await gateway.summary(null));
  expect(sums.reduce((all, { count }) => all + count, 0)).toBe(ids.length);
  expect(sums.reduce((all, { cents }) => all + cents, 0)).toBe(ids.length * CENTS);
}

/** Waits until so many workers have equal parts, as the one at a port knows it; gives the map. */
async function evenlySpread(port: number, workers: number): Promise<ClusterMap> {
  let map: ClusterMap | null = null;
  await until(`${workers} workers have equal parts`, async () => {
    map = await mapAt(port);
    const counts = map?.workers.map(({ shards }) => shards.length) ?? [];
    const all = counts.reduce((sum, count) => sum + count, 0);
    return (
      counts.length === workers && all === SHARDS && Math.max(...counts) - Math.min(...counts) < 2
    );
  });
  return map!;
}

/** Starts a worker beside those of a stand, with the settings of its second one and some others. */
async function beside(stand: Stand, own: Record<string, string>): Promise<Child> {
  const environ = await Bun.file(`/proc/${stand.pidOf("worker-2")}/environ`).text();
  const theirs = Object.fromEntries(
    environ.split("\0").flatMap((pair) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      return name === undefined ? [] : [[name, value]];
    }),
  );
  const ports = await freePorts("HTTP_PORT", "LINK_PORT");
  const places = Object.entries(ports).map(([name, port]) => [name, String(port)]);
  const env = { ...theirs, ...Object.fromEntries(places), LOG_LEVEL: "info", ...own };
  return new Child({ name: "worker-3", command: fromSource("worker.ts"), env });
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `two workers take payments at once, and one goes on with those of the other${NO_POSTGRES}`,
  async () => {
    await using stand = await startStand({ args: ["--cluster"] });
    const { ports } = stand;
    const map = await evenlySpread(ports.HTTP_PORT, 2);
    const before = await paid(stand, 100);
    const owners = map.workers.map(({ shards }) => {
      return before.filter((id) => shards.includes(shardOf(id))).length;
    });
    expect(owners.every((count) => count > 0)).toBe(true);
    process.kill(stand.pidOf("worker-1"), "SIGKILL");
    const after = await paid(stand, 100);
    await expectOnce(stand, [...before, ...after]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker that was stopped for longer than its lease ends when it goes on, and nothing comes twice${NO_POSTGRES}`,
  async () => {
    const env = { PROCESSOR_TIMEOUT_MS: String(CALL_MS_MAX) };
    await using stand = await startStand({ args: ["--cluster"], env });
    const { HTTP_PORT, SECOND_HTTP_PORT } = stand.ports;
    await evenlySpread(HTTP_PORT, 2);
    // Calls are under way whenever it is stopped, and some answers never come.
    await stand.preferred.setDelay(50);
    await stand.preferred.setFaults({ answerLost: 0.1 });
    const shop = new Shop(stand);
    await until("many have been taken", () => shop.ids.length > 100);
    const stopped = stand.pidOf("worker-1");
    process.kill(stopped, "SIGSTOP");
    const stoppedAtMs = performance.now();
    await until("the other one has all shards", async () => {
      const map = await mapAt(SECOND_HTTP_PORT);
      const second = map?.workers.find(({ name }) => name === "worker-2");
      return second?.shards.length === SHARDS;
    });
    const seen = shop.ids.length;
    await until("more are taken", () => shop.ids.length > seen + 100);
    await Bun.sleep(Math.max(0, STOPPED_MS - (performance.now() - stoppedAtMs)));
    process.kill(stopped, "SIGCONT");
    await until("it has ended, and another one is there", () => {
      return stand.pidOf("worker-1") !== stopped;
    });
    expect(stand.lines).toContainEqual(expect.stringContaining("another worker has taken over"));
    await evenlySpread(SECOND_HTTP_PORT, 2);
    await stand.preferred.heal();
    await expectOnce(stand, await shop.close());
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a third worker gets its part while payments come, brings a fee that all show, and gives its part back${NO_POSTGRES}`,
  async () => {
    await using stand = await startStand({ args: ["--cluster"], env: { ADMIN_TOKEN } });
    const { ports } = stand;
    await evenlySpread(ports.HTTP_PORT, 2);
    const processors = (fee: number) =>
      `default=${stand.preferred.url};fee=${fee};audit-token=123,fallback=${stand.dearer.url};fee=0.15`;
    await using less = await beside(stand, {
      PROCESSORS: `default=${stand.preferred.url};fee=0.05`,
      WORKER_NAME: "less",
    });
    less.start();
    expect(await less.ended).toMatchObject({ code: 1 });
    expect(less.errors.join("\n") + less.lines.join("\n")).toMatch(
      /worker worker-1, which is active, has the processor fallback, and this one \(less\) has not/,
    );

    const shop = new Shop(stand);
    await using third = await beside(stand, { PROCESSORS: processors(0.06), WORKER_NAME: "third" });
    await third.startAndWait();
    const { workers } = await evenlySpread(ports.HTTP_PORT, 3);
    const there = workers.find(({ name }) => name === "third")!;
    const ours = await paid(stand, 200);
    const id = ours.find((one) => there.shards.includes(shardOf(one)))!;
    await until("it is settled", () => stand.gateway.areSettled([id]));
    const clients = workers.map(({ http }) => new GatewayClient(http));
    const shownBy = () => Promise.all(clients.map((client) => client.statusOf(id)));
    await until("all show the fee that it begins", async () => {
      return (await shownBy()).every((status) => status !== "missing" && status.tariff! > 2);
    });
    // The first one audits for all, and has no token.
    for (const client of clients) {
      const { processors: audited } = (await (await client.ask("/audit")).json()) as AuditReport;
      expect(audited.map(({ name, state }) => [name, state])).toEqual([
        ["default", "off"],
        ["fallback", "off"],
      ]);
    }
    const shown = await shownBy();
    for (const status of shown) expect(status).toEqual(shown[0]!);
    const decided = await fetch(
      `http://127.0.0.1:${ports.HTTP_PORT}/operator/payments/${id}/hold`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify({ who: "ana", why: "ticket 7" }),
      },
    );
    expect([decided.status, await decided.json()]).toEqual([
      409,
      expect.objectContaining({
        detail: `Worker third has this payment: ask there, at ${there.http}.`,
      }),
    ]);

    expect(await third.stop()).toMatchObject({ code: 0 });
    await evenlySpread(ports.HTTP_PORT, 2);
    await expectOnce(stand, [...ours, ...(await shop.close())]);
  },
);
