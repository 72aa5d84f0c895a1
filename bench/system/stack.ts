/** A whole gateway for one run: two processors, a worker and an API, each a process, with a new journal. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JournalSync } from "../../worker/journal/store.ts";
import type { BenchContext } from "../benchmark.ts";
import { startChild, type Child } from "./children.ts";
import { startProcessors, sumFrom, type Sum } from "./processors.ts";

export type StackOptions = {
  readonly sync: JournalSync;
  /** Milliseconds that both processors take. */
  readonly delayMs?: number;
  /** Whether there is an API; without one payments come from the journal. */
  readonly api?: boolean;
  /** Called with the journal's path before the worker opens it. */
  readonly prepare?: (journal: string) => void;
  /** Further settings of the worker. */
  readonly env?: Readonly<Record<string, string>>;
};

export type CpuMs = { readonly api: number; readonly worker: number };

export type Stack = AsyncDisposable & {
  /** Of the API; 0 without one. */
  readonly port: number;
  readonly workerUrl: string;
  readonly processorUrls: readonly string[];
  readonly journal: string;
  /** Time of the processors that API and worker have used up to now. */
  cpuMs(): CpuMs;
  /** Stops the processes; the journal stays until the stack is disposed of. */
  stop(): Promise<void>;
};

export async function startStack(
  { dist, directory }: BenchContext,
  { sync, delayMs = 0, api = true, prepare, env = {} }: StackOptions,
): Promise<Stack> {
  const home = await mkdtemp(join(directory, "stack-"));
  const journal = join(home, "payments.db");
  const children: Child[] = [];
  // The API first and the processors last, so that nothing that still runs misses what it needs.
  const stop = async () => {
    for (const child of children) await child.stop();
  };
  const dispose = async () => {
    await stop();
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
    const workerUrl = `http://127.0.0.1:${worker.ready["http"]}`;
    const ingress = api
      ? await start("api.ts", {
          HOST: "127.0.0.1",
          PORT: "0",
          WORKER_LINK: `127.0.0.1:${worker.ready["link"]}`,
          WORKER_HTTP: workerUrl,
        })
      : null;
    return {
      port: ingress === null ? 0 : Number(new URL(String(ingress.ready["url"])).port),
      workerUrl,
      processorUrls: processors.urls,
      journal,
      cpuMs: () => ({ api: ingress?.cpuMs() ?? 0, worker: worker.cpuMs() }),
      stop,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What the gateway's summary says, in the order of its processors. */
export async function summaryOf({ workerUrl }: Stack): Promise<Sum[]> {
  const answer = await (await fetch(`${workerUrl}/payments-summary`)).json();
  return Object.values(answer as Record<string, unknown>).map(sumFrom);
}
