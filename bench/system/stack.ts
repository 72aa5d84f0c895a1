/**
 * Starts a whole gateway for one run: two light processors, a worker and an API, each a process, with a
 * new journal or one that has much in it.
 */
import { apiSettings } from "../../api/settings.ts";
import type { Sum } from "../../testing/gateway.ts";
import type { Child } from "../../testing/process.ts";
import { siteFor, Stack, type StackOptions as SiteOptions } from "../../testing/stack.ts";
import type { JournalSync } from "../../worker/journal/store.ts";
import type { BenchContext } from "../benchmark.ts";
import { CALLS, CHILD, commandOf, LIGHT_PROCESSOR } from "./children.ts";
import { NONE, summaryOf } from "./sums.ts";

export type StackOptions = Pick<SiteOptions, "apis" | "between" | "env" | "apiEnv"> & {
  readonly sync: JournalSync;
  /** Milliseconds that both processors take to answer. */
  readonly delayMs?: number;
  /** The path of a journal that is there already and stays, instead of a new one. */
  readonly settled?: string;
  /** Called with the journal's path before the worker opens it. */
  readonly prepare?: (journal: string) => void;
};

/** CPU time within one look, up to which a worker counts as idle. */
const IDLE_MS = 50;
const LOOK_MS = 500;

/** CPU time of each process. */
export type Spent = { readonly api: number; readonly worker: number };

export class BenchStack extends Stack {
  /**
   * Payments that the journal had settled at the start, in the order of the processors, who know
   * nothing of them.
   */
  before: readonly Sum[] = [NONE, NONE];

  /** Port of the API. */
  get port(): number {
    return Number(new URL(this.gateway.url).port);
  }

  /** CPU time that API, worker and the simulated processors have used up to now. */
  cpuMs(): Spent & { readonly processors: number } {
    const { children } = this.site.processors;
    const processors = children.reduce((all, child) => all + child.cpuMs(), 0);
    return { api: this.apis[0]?.cpuMs() ?? 0, worker: this.worker.cpuMs(), processors };
  }

  memoryMb(): Spent {
    return { api: this.apis[0]?.memoryMb() ?? 0, worker: this.worker.memoryMb() };
  }
}

export async function startStack(
  { dist, directory }: BenchContext,
  { sync, delayMs = 0, settled, prepare, ...options }: StackOptions,
): Promise<BenchStack> {
  const [worker, api] = ["worker.ts", "api.ts"].map((entry) => commandOf(entry, dist));
  const site = await siteFor({
    ...options,
    programs: { worker: worker!, api: api!, simulator: LIGHT_PROCESSOR },
    under: directory,
    env: {
      ...CALLS,
      JOURNAL_SYNC: sync,
      ...(settled === undefined ? {} : { JOURNAL: `sqlite:${settled}` }),
      ...options.env,
    },
    apiEnv: { ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default, ...options.apiEnv },
    child: CHILD,
  });
  const stack = new BenchStack(site);
  try {
    prepare?.(stack.journalPath);
    for (const processor of stack.processors) await processor.setDelay(delayMs);
    await stack.worker.startAndWait();
    if (settled !== undefined) {
      if (options.apis !== 0) await untilIdle(stack.worker);
      stack.before = await summaryOf(stack.workerHttp);
    }
    await Promise.all(stack.apis.map((ingress) => ingress.startAndWait()));
    return stack;
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Waits until the worker has looked through a large journal, which it still does when it is ready;
 * what comes afterwards is measured.
 */
export async function untilIdle(worker: Child): Promise<void> {
  let [before, now] = [Number.NEGATIVE_INFINITY, worker.cpuMs()];
  while (now - before > IDLE_MS) {
    await Bun.sleep(LOOK_MS);
    [before, now] = [now, worker.cpuMs()];
  }
}
