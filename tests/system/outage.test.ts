/** Takes processors away: some of the gateway's promises still hold, with real processes. */
import { expect, test } from "bun:test";
import type { Status } from "../../testing/gateway.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { countBusyTime, cpuMsOf } from "../../testing/proc.ts";
import { eachOf } from "../../testing/each.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";

/** Trials are at most a second apart; the rest is for the call and for looking. */
const NOTICED_MS_MAX = 1_000;

/** Posts payments at a steady pace; every one of them is answered 202. */
async function pay({ gateway }: Stand, count: number, everyMs: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = crypto.randomUUID();
    expect(await gateway.pay(id, 1_990)).toBe(202);
    ids.push(id);
    await Bun.sleep(everyMs);
  }
  return ids;
}

async function statusesOf({ gateway }: Stand, ids: readonly string[]): Promise<Status[]> {
  const each = await eachOf(ids, (id) => gateway.statusOf(id));
  const missing = ids.filter((_, i) => each[i] === "missing");
  if (missing.length > 0) throw new Error(`unknown although answered 202: ${missing.join(" ")}`);
  return each as Status[];
}

const settledAt = (processor: string) => (status: Status) =>
  status.status === "settled" && status.processor === processor;
const lagMs = (status: Status) => (status.settledAtMs ?? Infinity) - status.acceptedAtMs;

/** Warms connections and estimates up to what they are on any ordinary day. */
async function warmUp(outage: Stand): Promise<void> {
  await untilAllSettled(outage, await pay(outage, 20, 5));
}

function untilAllSettled(outage: Stand, ids: readonly string[]): Promise<number> {
  return until("all are settled", async () =>
    (await statusesOf(outage, ids)).every(({ status }) => status === "settled"),
  );
}

/** Expects both sides to agree on everything. */
async function expectBalance({ gateway, preferred, dearer }: Stand): Promise<void> {
  expect(await gateway.summary(null)).toEqual({
    default: await preferred.summary(null),
    fallback: await dearer.summary(null),
  });
}

test.concurrent(
  "with the cheaper processor gone, payments settle at the dearer one within their patience",
  async () => {
    const patienceMs = 3_000;
    await using outage = await startStand({ env: { PATIENCE_MS: String(patienceMs) } });
    await warmUp(outage);
    const busyMs = countBusyTime();
    await outage.preferred.setDown(true);
    const ids = await pay(outage, 300, 10);
    // A payment whose call broke off may be recorded there: it belongs to that processor until it
    // answers.
    const isStuck = ({ status, processor }: Status) =>
      processor === "default" && (status === "unknown" || status === "assigned");
    await until("the others are settled", async () =>
      (await statusesOf(outage, ids)).every((one) => one.status === "settled" || isStuck(one)),
    );
    const statuses = await statusesOf(outage, ids);
    const settled = statuses.filter(settledAt("fallback"));
    expect(statuses.filter(isStuck).length).toBeLessThan(20);
    expect(settled.length).toBe(ids.length - statuses.filter(isStuck).length);
    expect(Math.max(...settled.map(lagMs)) - busyMs(patienceMs)).toBeLessThanOrEqual(patienceMs);

    await outage.preferred.heal();
    await untilAllSettled(outage, ids);
    await expectBalance(outage);
  },
);

test.concurrent.each([
  ["default", "fail", (processor: ProcessorAdmin) => processor.setFailure(true)],
  ["fallback", "fail", (processor: ProcessorAdmin) => processor.setFailure(true)],
  ["default", "are gone", (processor: ProcessorAdmin) => processor.setDown(true)],
  ["fallback", "are gone", (processor: ProcessorAdmin) => processor.setDown(true)],
])(
  "the backlog waits without work, and drains once %s returns after both %s",
  async (name, _, breakIt) => {
    await using outage = await startStand({ env: { PATIENCE_MS: "1000" } });
    await warmUp(outage);
    const { preferred, dearer, gateway } = outage;
    await Promise.all([preferred, dearer].map(breakIt));
    const ids = await pay(outage, 200, 5);
    // Patience is over for all of them, and breakers have had their time.
    await Bun.sleep(2_000);
    const spanMs = 4_000;
    const worker = outage.pidOf("worker");
    const cpuBeforeMs = cpuMsOf(worker);
    await Bun.sleep(spanMs);
    const cpuShare = (cpuMsOf(worker) - cpuBeforeMs) / spanMs;
    // Shares of a core: idle is 0.04; a wait that looks at its backlog again and again takes all of
    // it.
    expect(cpuShare).toBeLessThan(0.3);

    const countOf = async () => (await gateway.summary(null))[name]!.count;
    const before = await countOf();
    const back = name === "default" ? preferred : dearer;
    const busyMs = countBusyTime();
    await back.heal();
    const noticedMs = await until("a payment settles", async () => (await countOf()) > before);
    expect(noticedMs - busyMs(NOTICED_MS_MAX)).toBeLessThan(NOTICED_MS_MAX);
    const isElsewhere = ({ processor }: Status) => processor !== null && processor !== name;
    const drainedMs = await until("what may settle there is settled", async () =>
      (await statusesOf(outage, ids)).every((one) => one.status === "settled" || isElsewhere(one)),
    );
    expect(drainedMs - busyMs(5_000)).toBeLessThan(5_000);

    await Promise.all([preferred, dearer].map((processor) => processor.heal()));
    await untilAllSettled(outage, ids);
    await expectBalance(outage);
  },
);

test.concurrent(
  "a processor that hangs for ever does not hold up payments to the other",
  async () => {
    const patienceMs = 2_000;
    await using outage = await startStand({
      env: {
        PATIENCE_MS: String(patienceMs),
        PROCESSOR_TIMEOUT_MS: "10000",
      },
    });
    await warmUp(outage);
    const busyMs = countBusyTime();
    await outage.preferred.setFaults({ hangAll: true });
    const ids = await pay(outage, 400, 10);
    const isHanging = ({ status, processor }: Status) =>
      processor === "default" && status !== "settled";
    await until("the others are settled", async () =>
      (await statusesOf(outage, ids)).every((one) => one.status === "settled" || isHanging(one)),
    );
    const statuses = await statusesOf(outage, ids);
    const settled = statuses.filter(settledAt("fallback"));
    expect(statuses.filter(isHanging).length).toBeLessThan(60);
    expect(Math.max(...settled.map(lagMs)) - busyMs(patienceMs)).toBeLessThanOrEqual(patienceMs);

    await outage.preferred.heal();
    await untilAllSettled(outage, ids);
    await expectBalance(outage);
  },
);
