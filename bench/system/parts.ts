/**
 * Measures where the CPU time of a payment goes at the contest's load: rows that add up to the whole. Threads are
 * the kernel's account, of a gateway that nobody samples. The main threads of the worker and of the APIs are then
 * divided as the samples of a second gateway fall, under the same load (profile.ts).
 */
import { existsSync } from "node:fs";
import { WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import { ENDED_THREADS, MAIN_THREAD } from "../../testing/proc.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { doorOf, usersOf } from "./echo.ts";
import { acceptedOf, runLoad } from "./payments.ts";
import { profiledInto, sharesOf } from "./profile.ts";
import { startStack } from "./stack.ts";

export const name = "system/parts";

const PROCESSES = ["worker", "APIs", "HAProxy"] as const;
/** Threads of Bun's and of the engine's, by their names; others are threads of ours. */
const THREADS: Readonly<Record<string, string>> = {
  [MAIN_THREAD]: "main thread",
  JITWorker: "compiler",
  JSCWarmUp: "compiler",
  HeapHelper: "collector",
  "ollector Thread": "collector",
  "mi-scavenger": "allocator",
  Worker: "other threads of ours",
  // Time that one of them had taken before is here, too, and its kind has as much less.
  [ENDED_THREADS]: "threads that have ended",
};

/** Nanoseconds a payment, by what takes them. */
type Account = Map<string, number>;

export async function run(context: BenchContext): Promise<Row[]> {
  // The compiled programs have all of their code in one file.
  const canTell = WHY_NO_HAPROXY === null && existsSync("/proc/self/schedstat");
  if (!canTell || context.dist !== null) return [];
  const checks = new Checks();
  const rounds: Account[] = [];
  for (let round = 0; round < context.runs; round++) {
    using folder = temporaryDirectory(context.directory);
    const { shares } = await measure(context, checks, folder.path);
    const { spent } = await measure(context, checks, null);
    rounds.push(divided(spent, shares));
  }
  const whats = [...new Set(rounds.flatMap((account) => [...account.keys()]))];
  const rowFor = (what: string, figures: number[]) =>
    rowOf(`parts: ${what}`, "ns", { figures }, checks, "");
  const sums = rounds.map((account) => account.values().reduce((sum, ns) => sum + ns, 0));
  return [
    rowFor("CPU a payment", sums),
    ...whats
      .map((what) =>
        rowFor(
          what,
          rounds.map((account) => account.get(what) ?? 0),
        ),
      )
      // Less than a nanosecond is what sums are rounded by.
      .filter(({ figure }) => Math.abs(figure) >= 1),
  ];
}

type Measured = { readonly spent: Account; readonly shares: ReadonlyMap<string, Account> };

/** Loads a gateway; with a folder it is sampled, which makes it slower, and its account no account. */
async function measure(
  context: BenchContext,
  checks: Checks,
  folder: string | null,
): Promise<Measured> {
  const env = folder === null ? {} : profiledInto(folder);
  await using stack = await startStack(context, { sync: "normal", apis: 2, env, apiEnv: env });
  await using door = await doorOf(stack);
  const apis = stack.apis.map(({ pid }) => pid);
  const pids = [stack.worker.pid, ...apis, door.pid];
  const users = usersOf(context);
  const fromMs = Date.now() + users.warmupMs;
  const report = await runLoad({ port: door.port, pids }, users, true, checks);
  const span = [fromMs, Date.now()] as const;
  const accepted = acceptedOf(report);
  await auditSums(stack, accepted, checks);
  await auditJournal(stack, accepted, checks);
  const spent: Account = new Map();
  for (const [at, threads] of report.spent.entries()) {
    const process = at === 0 ? PROCESSES[0] : PROCESSES[at <= apis.length ? 1 : 2];
    for (const { name: thread, ms } of threads) {
      const kind = THREADS[thread] ?? "the rest of Bun";
      const what = process === "HAProxy" ? process : `${process}, ${kind}`;
      spent.set(what, (spent.get(what) ?? 0) + (ms / report.measured) * 1e6);
    }
  }
  if (folder === null) return { spent, shares: new Map() };
  // A profile is written at the end of a process that is asked to end.
  await stack.stop();
  const shares = new Map([
    ["worker, main thread", await sharesOf(folder, pids[0]!, span)],
    ["APIs, main thread", await sharesOf(folder, pids[1]!, span)],
  ]);
  checks.equal("main threads that were sampled", shares.size, 2);
  return { spent, shares };
}

/** Divides what has shares; the samples of one API stand for both. */
function divided(spent: Account, shares: Measured["shares"]): Account {
  const account: Account = new Map();
  for (const [what, ns] of spent) {
    const parts = shares.get(what) ?? new Map<string, number>();
    if (parts.size === 0) account.set(what, ns);
    for (const [part, share] of [...parts].toSorted(([, a], [, b]) => b - a)) {
      account.set(`${what}, ${part}`, ns * share);
    }
  }
  return account;
}
