/**
 * A load of payments over HTTP, in a process of its own: `bun bench/load.ts '<plan as JSON>'` prints a
 * report as JSON. It has raw sockets, one request at a time on each, and an HTTP/1.1 reader that knows
 * just enough: a generator that costs as much as what it measures would measure itself.
 *
 * A closed load has every connection send its next payment as soon as the last is answered, or, where they
 * are users who think, a while later. An open load has payments due at a steady rate, whether or not others have been answered; it
 * gives latencies. The clock of a payment that is due starts at once, also when every connection is busy,
 * so a stall is charged to all who would have come in it (the remedy for "coordinated omission").
 */
import { build } from "hdr-histogram-js";
import { PaymentConnection } from "./load/connection.ts";
import type { LoadPlan, LoadReport } from "./load/plan.ts";
import { startPacer } from "./load/pacer.ts";
import { MAIN_THREAD, spentBetween, threadsCpuMsOf, threadsWakesOf } from "../testing/proc.ts";

/** Longest wait for the last answers, after the last payment was sent. */
const ANSWERS_MS_MAX = 10_000;

async function load(plan: LoadPlan): Promise<LoadReport> {
  const latencies = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const lateness = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const statuses: Record<string, number> = {};
  const idle: PaymentConnection[] = [];
  /** Due times of the payments of an open load that came due while every connection was busy. */
  const dueAtMs: number[] = [];
  const done = Promise.withResolvers<void>();
  let ended = false;
  let sent = 0;
  let answered = 0;
  let cents = 0;
  let measured = 0;
  let misplaced = 0;

  const send = (connection: PaymentConnection, atMs: number) => {
    sent++;
    connection.send(atMs);
  };
  const again = (connection: PaymentConnection, nowMs: number) => {
    if (plan.thinkMs === undefined) return send(connection, nowMs);
    const waitMs = thoughtMs(plan.thinkMs);
    setTimeout(() => {
      if (ended) return;
      const atMs = performance.now();
      lateness.recordValue(Math.max(1, Math.round((atMs - nowMs - waitMs) * 1_000)));
      send(connection, atMs);
    }, waitMs);
  };
  const onAnswer = (connection: PaymentConnection, status: number, rightPlace: boolean) => {
    const nowMs = performance.now();
    answered++;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 202) cents += connection.cents;
    if (plan.location && !rightPlace) misplaced++;
    if (nowMs >= fromMs && nowMs < toMs) {
      measured++;
      latencies.recordValue(Math.max(1, Math.round((nowMs - connection.sentAtMs) * 1_000)));
    }
    if (plan.ratePerSecond === null && !ended) return again(connection, nowMs);
    const due = dueAtMs.shift();
    if (due !== undefined) return send(connection, due);
    idle.push(connection);
    if (ended && answered === sent) done.resolve();
  };

  const connections = await Promise.all(
    Array.from({ length: plan.connections }, () =>
      PaymentConnection.open(plan.host, plan.port, onAnswer, done.reject),
    ),
  );
  const fromMs = performance.now() + plan.warmupMs;
  const toMs = fromMs + plan.durationMs;
  const accountsAt = (atMs: number) =>
    Bun.sleep(atMs - performance.now()).then(() => ({
      own: process.cpuUsage(),
      others: (plan.pids ?? []).map(threadsCpuMsOf),
      wakes: (plan.pids ?? []).map((pid) => threadsWakesOf(pid).get(MAIN_THREAD) ?? 0),
    }));
  const accounts = [accountsAt(fromMs), accountsAt(toMs)] as const;
  if (plan.ratePerSecond === null) {
    for (const connection of connections) {
      if (plan.thinkMs === undefined) send(connection, performance.now());
      else setTimeout(() => send(connection, performance.now()), Math.random() * plan.thinkMs[1]);
    }
    await Promise.race([Bun.sleep(plan.warmupMs + plan.durationMs), done.promise]);
  } else {
    idle.push(...connections);
    const count = ((plan.warmupMs + plan.durationMs) / 1_000) * plan.ratePerSecond;
    const paced = startPacer(plan.ratePerSecond, Math.round(count), (lateMs) => {
      const nowMs = performance.now();
      lateness.recordValue(Math.max(1, Math.round(lateMs * 1_000)));
      // Connections take turns: a load balancer closes one that asks for nothing.
      const connection = idle.shift();
      if (connection === undefined) dueAtMs.push(nowMs);
      else send(connection, nowMs);
    });
    await Promise.race([paced, done.promise]);
  }
  ended = true;
  if (answered < sent || dueAtMs.length > 0) {
    await Promise.race([done.promise, Bun.sleep(ANSWERS_MS_MAX)]);
  }
  for (const connection of connections) connection.close();
  const [from, to] = await Promise.all(accounts);
  const own = to.own.user + to.own.system - from.own.user - from.own.system;
  const ms = (percentile: number) => latencies.getValueAtPercentile(percentile) / 1_000;
  return {
    sent,
    answered,
    statuses,
    cents,
    misplaced,
    perSecond: (measured / plan.durationMs) * 1_000,
    p50Ms: ms(50),
    p99Ms: ms(99),
    p999Ms: ms(99.9),
    maxMs: latencies.maxValue / 1_000,
    lateP99Ms: lateness.totalCount === 0 ? 0 : lateness.getValueAtPercentile(99) / 1_000,
    measured,
    cpuMs: own / 1_000,
    spent: to.others.map((one, i) => spentBetween(from.others[i]!, one)),
    wakes: to.wakes.map((count, i) => count - from.wakes[i]!),
  };
}

function thoughtMs([least, most]: readonly [number, number]): number {
  return Math.round(least + Math.random() * (most - least));
}

process.stdout.write(`${JSON.stringify(await load(JSON.parse(process.argv[2] as string)))}\n`);
process.exit(0);
