/** Fills a disk, a small tmpfs: nothing is acknowledged that is not kept, and the gateway heals itself. */
import { expect, test } from "bun:test";
import { countBusyTime, isAlive } from "../../testing/proc.ts";
import { seededRandom } from "../../testing/random.ts";
import { SmallDisk, whyNoSmallDisk } from "../../testing/small-disk.ts";
import { Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import { audit, type Answer } from "../system/audit.ts";
import { collect, untilSettled, type Statuses } from "../system/storm/collect.ts";
import { auditJournal } from "../system/storm/journal.ts";
import { runLoad } from "../system/storm/load.ts";
import { planSubmissions } from "../system/storm/plan.ts";
import { drain } from "./drain.ts";

const DISK = "4m";
const RATE = 200;
const LOAD_MS_MAX = 60_000;
const FULL = /full/i;

const whyNot = await whyNoSmallDisk();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `on a full disk payments are answered 503, and it goes on by itself once there is room${note}`,
  async () => {
    await using site = await startOnSmallDisk();
    const { stack, deaths } = site;
    const pid = stack.worker.pid;
    const load = startLoad(stack, 1);
    await load.untilAccepted(200);

    site.disk.fill();
    const reason = await untilRed(stack);
    expect(reason).toMatch(FULL);
    const refused = await untilRefused(stack);
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    // The load goes on for some time, with shops that try again and again.
    await Bun.sleep(2_000);
    expect(isAlive(pid)).toBeTrue();
    expect(await stack.workerHttp.ask("/livez")).toMatchObject({ status: 200 });

    const busyMs = countBusyTime();
    site.disk.makeRoom();
    const healedMs = await untilGreen(stack);
    expect(healedMs - busyMs(3_000)).toBeLessThan(3_000);
    const before = load.accepted();
    await load.untilAccepted(before + 200);
    const said = () => stack.worker.lines.filter((line) => line.includes('"journal-fails"'));
    await until("it is said to be over", () => said().length > 1);
    const [begun, over, ...more] = said().map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    expect(begun).toMatchObject({ msg: "the journal fails", reason: expect.stringMatching(FULL) });
    expect(over).toMatchObject({ msg: "over: the journal fails" });
    expect(over!["refused"]).toBeGreaterThan(0);
    expect(more).toEqual([]);
    // The history is lost with one line, and kept again.
    const lost = () => stack.worker.lines.filter((line) => line.includes('"history-fails"'));
    await until("it is written again", () => lost().length > 1);
    expect(lost().map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      "the history is not written",
      "over: the history is not written",
    ]);
    await expectClean(stack, await load.stop());
    expect(deaths).toEqual([]);
    expect(stack.worker.starts).toBe(1);
  },
);

test.skipIf(whyNot !== null)(
  `a worker that is killed on a full disk has lost nothing once there is room${note}`,
  async () => {
    await using site = await startOnSmallDisk();
    const { stack, deaths } = site;
    const load = startLoad(stack, 2);
    await load.untilAccepted(200);
    site.disk.fill();
    await untilRed(stack);
    await stack.worker.kill();

    // The worker mostly cannot write down that it starts: one line, exit 1, for its supervisor.
    // When the log could be emptied meanwhile there is room for that, and it starts.
    stack.worker.start();
    await stack.worker.untilReady().catch(() => {});
    if (deaths.length > 0) expect(deaths).toEqual([expect.stringMatching(/ 1: journal .*full/)]);
    else await stack.worker.kill();

    site.disk.makeRoom();
    await stack.worker.startAndWait();
    const before = load.accepted();
    await load.untilAccepted(before + 200);
    await expectClean(stack, await load.stop());
  },
);

type Site = AsyncDisposable & {
  readonly stack: Stack;
  readonly disk: SmallDisk;
  readonly deaths: string[];
};

async function startOnSmallDisk(): Promise<Site> {
  const disk = await SmallDisk.mount(DISK);
  const deaths: string[] = [];
  const stack = await Stack.start({
    dataDir: disk.path,
    env: { PATIENCE_MS: "2000", PROCESSOR_TIMEOUT_MS: "1500" },
    child: { onDeath: (how, lastWords) => void deaths.push(`${how}: ${lastWords.join(" | ")}`) },
  });
  return {
    stack,
    deaths,
    disk,
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]();
      await disk[Symbol.asyncDispose]();
    },
  };
}

/** Runs careful shops: a payment answered 503 is sent again until it is answered 202. */
function startLoad(stack: Stack, seed: number) {
  const over = new AbortController();
  const random = seededRandom(seed);
  let accepted = 0;
  const gateway = {
    async pay(id: string, cents: number) {
      const status = await stack.gateway.pay(id, cents);
      if (status === 202) accepted++;
      return status;
    },
  };
  const payments = (LOAD_MS_MAX / 1_000) * RATE;
  const submissions = planSubmissions(random, payments, LOAD_MS_MAX, 100_000_000);
  const shops = { shops: 32, random, patienceMs: LOAD_MS_MAX };
  const load = runLoad({ gateway, submissions, ...shops, over: over.signal });
  return {
    accepted: () => accepted,
    untilAccepted: (count: number) =>
      until(`${count} payments are answered 202`, () => accepted >= count),
    async stop(): Promise<Answer[]> {
      over.abort();
      return (await load).answers;
    },
  };
}

async function expectClean(stack: Stack, answers: readonly Answer[]): Promise<void> {
  const ids = [...new Set(answers.map(({ correlationId }) => correlationId))];
  const asked = await untilSettled(stack.gateway, ids, 90_000);
  const { gateway, processors } = stack;
  const collected = await collect(gateway, processors, answers, asked, seededRandom(9));
  expect(audit(collected)).toEqual([]);
  expect(collected.statuses.size).toBe(ids.length);
  expect(await drain(stack.worker)).toMatchObject({ complaint: null });
  expect(auditJournal(stack.journalPath, collected.statuses as Statuses)).toEqual([]);
}

/** Gives the worker's reason for being red, once it is. */
async function untilRed(stack: Stack): Promise<string> {
  let reason = "";
  await until("the worker's readiness is red", async () => {
    const answer = await stack.workerHttp.ask("/readyz");
    if (answer.status === 503) reason = await answer.text();
    return answer.status === 503;
  });
  return reason;
}

function untilGreen(stack: Stack): Promise<number> {
  return until("the worker's readiness is green", async () => {
    return (await stack.workerHttp.ask("/readyz")).ok;
  });
}

/** Posts payments that nobody sends again, until one is refused. */
async function untilRefused(stack: Stack): Promise<Response> {
  let response: Response | null = null;
  await until("a payment is answered 503", async () => {
    response = await fetch(`${stack.gateway.url}/payments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ correlationId: crypto.randomUUID(), amount: 1 }),
    });
    return response.status === 503;
  });
  return response as unknown as Response;
}
