/**
 * A fee is changed, the worker is killed and started again, and more is paid: every figure about what was before
 * stays as it was, to the last digit, in every place that shows one. The places are asked of real processes, and
 * compared with a recount that has none of the gateway's arithmetic (tests/kill/recount.ts).
 */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import type { Curve } from "../../shared/http-api/dashboard.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import type { Money } from "../../shared/http-api/money.ts";
import { queryOf, type Status, type Window } from "../../testing/gateway.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { integerFrom, seededRandom } from "../../testing/random.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import { sumOf } from "../../shared/tariff.ts";
import { auditFees, auditMoney, recount, type Start, type Terms } from "../kill/recount.ts";

const PAYMENTS = 40;
const TOKEN = "123";
const FIRST = {
  default: { percent: "2.9", fixed: "0.30", rounding: "half-even" },
  fallback: { percent: "7.1234", min: "0.50", max: "40" },
} as const;
const SECOND = {
  default: { percent: "9.5", rounding: "half-up" },
  fallback: { percent: "3.0001" },
} as const;

class Shop {
  readonly stack: Stack;
  readonly starts: Start[] = [];
  readonly statuses = new Map<string, Status>();
  readonly #file: string;
  readonly #random = seededRandom(7);

  constructor(stack: Stack, file: string) {
    this.stack = stack;
    this.#file = file;
  }

  /** Starts a worker with the processors that have these fees; the one before is killed. */
  async start(fees: Record<string, Terms>): Promise<void> {
    const { worker, processors, apis } = this.stack;
    await worker.kill();
    const auditToken = { env: "AUDIT_TOKEN" };
    const list = processors
      .map(({ name, url }) => ({ name, url, fee: fees[name], auditToken }))
      .filter(({ fee }) => fee !== undefined);
    writeFileSync(this.#file, JSON.stringify({ currency: "BRL", processors: list }));
    this.starts.push({ atMs: Date.now(), fees });
    await worker.startAndWait();
    for (const api of apis) if (!api.isRunning) await api.startAndWait();
  }

  /** Pays at one processor, while the other one fails, and waits until all are settled. */
  async payAt(name: string): Promise<void> {
    for (const one of this.stack.processors) await one.setFailure(one.name !== name);
    const ids = Array.from({ length: PAYMENTS / 2 }, () => crypto.randomUUID());
    for (const id of ids) {
      const cents = integerFrom(this.#random, 1, 10 ** integerFrom(this.#random, 1, 6));
      await until("it is taken", async () => {
        return (await this.stack.gateway.pay(id, cents)) === 202;
      });
    }
    for (const id of ids) {
      await until("it is settled", async () => {
        const status = await this.stack.gateway.statusOf(id);
        if (status !== "missing") this.statuses.set(id, status);
        return status !== "missing" && status.status === "settled";
      });
    }
  }

  /** Everything that some place says about a window. */
  async about(window: Window) {
    const { gateway, workerHttp, worker } = this.stack;
    const query = queryOf(window);
    const curve = (await (await gateway.ask(`/dashboard/curve${query}`)).json()) as Curve;
    const csv = await gateway.ask(`/dashboard/curve${query}&format=csv`);
    const bounds = [window.fromMs, window.toMs].map((ms) => new Date(ms).toISOString());
    const [from = "", to = ""] = bounds;
    const args = ["audit", "--json", "--from", from, "--to", to];
    const { out } = await run(fromSource("worker.ts", ...args), { env: worker.env });
    const { processors } = JSON.parse(out) as AuditReport;
    const told = await Promise.all(
      [...this.statuses].map(async ([id]) => [id, await gateway.statusOf(id)] as const),
    );
    const inside = told.filter(([, one]) => {
      const atMs = (one as Status).requestedAtMs as number;
      return atMs >= window.fromMs && atMs <= window.toMs;
    });
    return {
      summary: await (await workerHttp.ask(`/payments-summary${query}`)).text(),
      payments: inside,
      money: used(curve.money),
      csv: await csv.text(),
      audit: processors.map(({ name, state, ours, theirs, fees }) => {
        return { name, state, ours, theirs, fees };
      }),
      audited: sumOf(processors.flatMap(({ fees = [] }) => fees.map(({ paid }) => paid))),
    };
  }

  /** Everything that is shown of all that was ever settled; live figures lag by a second. */
  async sums(): Promise<{ live: Money; top: Money; metrics: Record<string, number> }> {
    const { workerHttp } = this.stack;
    const live = ((await workerHttp.live()) as LiveSnapshot).money!;
    const env = { ...this.stack.worker.env, WORKER_HTTP: workerHttp.url };
    const { out } = await run(fromSource("worker.ts", "top", "--once", "--json"), { env });
    const top = (JSON.parse(out) as LiveSnapshot).money!;
    const fees = ["default", "fallback"].map(async (processor) => {
      const value = await workerHttp.metric(`papaleguas_fees_paid{processor="${processor}"}`);
      return [processor, Number(value)] as const;
    });
    return {
      live: used(live) as Money,
      top: used(top) as Money,
      metrics: Object.fromEntries(await Promise.all(fees)),
    };
  }

  /** Expects each place to say what a recount comes to, and gives what they say. */
  async counted() {
    const rows = recount(this.statuses, this.starts);
    expect(auditFees(rows)).toEqual([]);
    await until("the live figures have come", async () => {
      const { live } = await this.sums();
      return live.each.reduce((sum, { count }) => sum + count, 0) === this.statuses.size;
    });
    const sums = await this.sums();
    for (const money of [sums.live, sums.top]) {
      expect(auditMoney(rows, null, money)).toEqual([]);
    }
    for (const [name, paid] of Object.entries(sums.metrics)) {
      const each = sums.live.each.filter((one) => one.name === name);
      expect(paid).toBeCloseTo(
        each.reduce((sum, one) => sum + Number(one.paid), 0),
        6,
      );
    }
    return sums;
  }
}

test("every figure about the past stays as it was when a fee is changed, in every place", async () => {
  await using ends = new AsyncDisposableStack();
  const directory = ends.use(temporaryDirectory());
  const file = directory.file("processors.json");
  const env = {
    PROCESSORS: undefined,
    PROCESSORS_FILE: file,
    AUDIT_TOKEN: TOKEN,
    PATIENCE_MS: "0",
    PROCESSOR_TIMEOUT_MS: "500",
  };
  const shop = new Shop(ends.use(new Stack(await siteFor({ env }))), file);
  const fromMs = Date.now();
  await shop.start(FIRST);
  await shop.payAt("default");
  await shop.payAt("fallback");
  const past = { fromMs, toMs: Date.now() };
  const before = await shop.about(past);
  expect(before).toMatchObject({ audit: [{ state: "equal" }, { state: "equal" }] });
  expect(before.audited).toBe(before.money!.paid);
  const sums = await shop.counted();

  await shop.start(SECOND);
  expect(await shop.about(past)).toEqual(before);
  expect(await shop.counted()).toEqual(sums);

  await shop.payAt("fallback");
  await shop.payAt("default");
  expect(await shop.about(past)).toEqual(before);
  const more = await shop.counted();
  expect(more).not.toEqual(sums);

  await shop.start(FIRST);
  expect(await shop.about(past)).toEqual(before);
  expect(await shop.counted()).toEqual(more);

  // A processor that goes leaves what it settled, and what that cost.
  await shop.start({ default: FIRST.default });
  const { money } = (await shop.stack.workerHttp.live()) as LiveSnapshot;
  expect(used(money)).toEqual(more.live);
});

/** Leaves out tariffs under which nothing was settled: each start with another fee adds some. */
function used(money: Money | null): Money | null {
  return money && { ...money, each: money.each.filter(({ count }) => count > 0) };
}
