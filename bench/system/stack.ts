/**
 * A whole gateway for one run: two processors, a worker and an API, each a process, with a new journal
 * or one that has much in it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JournalSync } from "../../worker/journal/store.ts";
import type { BenchContext } from "../benchmark.ts";
import { startChild, type Child } from "./children.ts";
import { NONE, startProcessors, sumFrom, type Sum } from "./processors.ts";

export type StackOptions = {
  readonly sync: JournalSync;
  /** Milliseconds that both processors take. */
  readonly delayMs?: number;
  /** Whether there is an API; without one payments come from the journal. */
  readonly api?: boolean;
  /** The path of a journal that is there already and stays, instead of a new one. */
  readonly settled?: string;
  /** Called with the journal's path before the worker opens it. */
  readonly prepare?: (journal: string) => void;
  /** Starts what stands between the API and the worker's link; it ends with the stack. */
  readonly between?: (linkPort: number) => Promise<AsyncDisposable & { readonly port: number }>;
  /** Further settings of the worker. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Of a core, in a look at what a worker uses. */
const IDLE_MS = 50;
const LOOK_MS = 500;

/** Of a process each. */
export type Spent = { readonly api: number; readonly worker: number };

export type Stack = AsyncDisposable & {
  /** Of the API; 0 without one. */
  readonly port: number;
  readonly workerUrl: string;
  readonly processorUrls: readonly string[];
  readonly journal: string;
  /** What the journal had settled at the start, in the order of the processors, who know nothing of it. */
  readonly before: readonly Sum[];
  /** From the worker's start to its being ready. */
  readonly workerReadyMs: number;
  /** What API, worker and the simulated processors have used of the cores up to now. */
  cpuMs(): Spent & { readonly processors: number };
  memoryMb(): Spent;
  /** Stops the processes; the journal stays until the stack is disposed of. */
  stop(): Promise<void>;
};

export async function startStack(
  { dist, directory }: BenchContext,
  { sync, delayMs = 0, api = true, settled, prepare, between, env = {} }: StackOptions,
): Promise<Stack> {
  const home = await mkdtemp(join(directory, "stack-"));
  const journal = settled ?? join(home, "payments.db");
  const children: Child[] = [];
  const others = new AsyncDisposableStack();
  // The API first and the processors last, so that nothing that still runs misses what it needs.
  const stop = async () => {
    for (const child of children) await child.stop();
  };
  const dispose = async () => {
    await stop();
    await others.disposeAsync();
    await rm(home, { recursive: true, force: true });
  };
  const start = async (entry: string, settings: Record<string, string>) => {
    const child = await startChild({ entry, dist, env: settings });
    children.unshift(child);
    return child;
  };
  try {
    prepare?.(journal);
    const processors = await startProcessors(dist, delayMs);
    children.push(...processors.children);
    const [cheap, dear] = processors.urls;
    const worker = await start("worker.ts", {
      LINK_PORT: "0",
      HTTP_PORT: "0",
      JOURNAL: `sqlite:${journal}`,
      JOURNAL_SYNC: sync,
      PROCESSORS: `default=${cheap};fee=0.05,fallback=${dear};fee=0.15`,
      ...env,
    });
    if (settled !== undefined && api) await idle(worker);
    const linkPort = Number(worker.ready["link"]);
    const relay = await between?.(linkPort);
    if (relay !== undefined) others.use(relay);
    const workerUrl = `http://127.0.0.1:${worker.ready["http"]}`;
    const ingress = api
      ? await start("api.ts", {
          HOST: "127.0.0.1",
          PORT: "0",
          WORKER_LINK: `127.0.0.1:${relay?.port ?? linkPort}`,
          WORKER_HTTP: workerUrl,
        })
      : null;
    return {
      port: ingress === null ? 0 : Number(new URL(String(ingress.ready["url"])).port),
      workerUrl,
      processorUrls: processors.urls,
      journal,
      before: settled === undefined ? [NONE, NONE] : await summaryOf({ workerUrl }),
      workerReadyMs: worker.readyMs,
      cpuMs: () => ({
        api: ingress?.cpuMs() ?? 0,
        worker: worker.cpuMs(),
        processors: processors.children.reduce((all, child) => all + child.cpuMs(), 0),
      }),
      memoryMb: () => ({ api: ingress?.memoryMb() ?? 0, worker: worker.memoryMb() }),
      stop,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A worker still looks through a large journal when it is ready; what comes afterwards is measured. */
async function idle(worker: Child): Promise<void> {
  let [before, now] = [Number.NEGATIVE_INFINITY, worker.cpuMs()];
  while (now - before > IDLE_MS) {
    await Bun.sleep(LOOK_MS);
    [before, now] = [now, worker.cpuMs()];
  }
}

/** What the gateway's summary says, in the order of its processors. */
export async function summaryOf({ workerUrl }: Pick<Stack, "workerUrl">): Promise<Sum[]> {
  const answer = await (await fetch(`${workerUrl}/payments-summary`)).json();
  return Object.values(answer as Record<string, unknown>).map(sumFrom);
}
