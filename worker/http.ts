/**
 * The worker's http thread, as the pipeline's thread sees it: what it is given to start, and the few
 * messages between the two. It reads the ledger through shared memory and payments through a
 * connection of its own, so that no question from outside costs the pipeline more than a message.
 */
import type { ClusterMap } from "../shared/http-api/cluster.ts";
import type { Readiness } from "../shared/http-api/readiness.ts";
import { systemClock } from "../shared/clock.ts";
import { whyNotBound } from "../shared/net/bind.ts";
import type { WebhooksView } from "../shared/http-api/webhooks.ts";
import type { OperatorAnswer, OperatorCommand, ResendOrder } from "./intervention.ts";
import type { Lead } from "./cluster/lead.ts";
import type { RowRange } from "./journal-reader.ts";
import type { LedgerMemory } from "./ledger.ts";
import type { LiveQuestion, LiveReading } from "./live.ts";
import { allocatePulse, Pulse, type PulseMemory } from "./pulse.ts";
import type { WorkerSettings } from "./settings.ts";
import type { KnownTariff } from "./tariffs.ts";
import type { LedgerRows } from "./transitions.ts";
import type { Webhooks } from "./webhooks.ts";

export type HttpThreadStart = {
  readonly settings: WorkerSettings;
  /** Names of processors by number in the journal. */
  readonly names: readonly string[];
  /** Tariffs that payments were charged under, from the first on. */
  readonly tariffs: readonly KnownTariff[];
  readonly ledger: LedgerMemory;
  /** Sums are exact from it on; null: from the beginning. */
  readonly prunedBeforeMs: number | null;
  readonly pulse: PulseMemory;
  /** Map of workers and their shards; null when the journal is a file. */
  readonly cluster: ClusterMap | null;
  readonly lead: Lead;
};

export type ToHttpThread =
  | ({ readonly kind: "start" } & HttpThreadStart)
  | { readonly kind: "readiness"; readonly readiness: Readiness }
  | { readonly kind: "purged" | "beaten" | "filled"; readonly id: number }
  | { readonly kind: "map"; readonly map: ClusterMap; readonly lead: Lead }
  | { readonly kind: "tariffs"; readonly tariffs: readonly KnownTariff[] }
  | { readonly kind: "renew"; readonly auditTokens: Readonly<Record<string, string>> }
  | { readonly kind: "metrics"; readonly id: number; readonly metrics: unknown }
  | { readonly kind: "live"; readonly id: number; readonly reading: LiveReading }
  | { readonly kind: "operated"; readonly id: number; readonly answer: OperatorAnswer }
  | {
      readonly kind: "webhooks";
      readonly id: number;
      readonly answer: WebhooksView | string | null;
    }
  | { readonly kind: "leave" | "stop" };

export type FromHttpThread =
  | { readonly kind: "started"; readonly port: number }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "purge" | "metrics" | "beat"; readonly id: number }
  /** Has rows put into the ledger's ring. */
  | {
      readonly kind: "fill";
      readonly id: number;
      readonly range: RowRange;
      readonly rows: LedgerRows;
    }
  /** Says that a read met a journal that is not what was written to it. */
  | { readonly kind: "corrupt"; readonly message: string }
  | { readonly kind: "live"; readonly id: number; readonly question: LiveQuestion }
  | { readonly kind: "operate"; readonly id: number; readonly command: OperatorCommand }
  /** Asks how webhooks fare, or for some to be sent again. */
  | { readonly kind: "webhooks"; readonly id: number; readonly resend: ResendOrder | null }
  | { readonly kind: "stopped" };

export type HttpThread = {
  readonly port: number;
  /** Pulse that the thread watches, so that it can tell when no message comes any more. */
  readonly pulse: Pulse;
  setReadiness(readiness: Readiness): void;
  setMap(map: ClusterMap, lead: Lead): void;
  /** Another worker has begun tariffs: these are all. */
  setTariffs(tariffs: readonly KnownTariff[]): void;
  /** Takes new tokens for the audit, by the name of the processor. */
  renew(auditTokens: Readonly<Record<string, string>>): void;
  /** Makes the worker not ready from here on; every client is told to go. */
  leave(): void;
  stop(): Promise<void>;
};

/** Starts the thread. Rejects with one sentence when the port cannot be bound. */
export async function startHttpThread(
  start: Omit<HttpThreadStart, "pulse">,
  pipeline: {
    purge(): Promise<void>;
    operate(command: OperatorCommand): Promise<OperatorAnswer>;
    fillRing(range: RowRange, rows: LedgerRows): void;
  },
  {
    metrics,
    live,
  }: {
    readonly metrics: { snapshot(): Promise<unknown> };
    readonly live: { read(question: LiveQuestion): LiveReading };
  },
  journal: { onCorruption(message: string): void },
  webhooks: Pick<Webhooks, "view" | "resend"> | null,
): Promise<HttpThread> {
  refuseTakenPort(start.settings);
  const thread = new Worker(new URL("./http-thread.ts", import.meta.url).href);
  const post = (message: ToHttpThread) => thread.postMessage(message);
  const stopped = Promise.withResolvers<void>();
  const started = Promise.withResolvers<number>();
  const memory = allocatePulse();
  const pulse = new Pulse(memory);
  let running = false;
  thread.onerror = ({ message }) => {
    // Nobody could ask for a summary or see that something is wrong without it: better to start anew.
    if (running) throw new Error(`the http thread broke: ${message}`);
    started.reject(new Error(message));
  };
  thread.onmessage = async ({ data }: MessageEvent<FromHttpThread>) => {
    switch (data.kind) {
      case "started":
        return started.resolve(data.port);
      case "failed":
        return started.reject(new Error(data.reason));
      case "corrupt":
        return journal.onCorruption(data.message);
      case "purge":
        await pipeline.purge();
        return post({ kind: "purged", id: data.id });
      case "fill":
        pipeline.fillRing(data.range, data.rows);
        return post({ kind: "filled", id: data.id });
      case "beat":
        pulse.beat(systemClock.steadyMs());
        return post({ kind: "beaten", id: data.id });
      case "metrics":
        return post({ kind: "metrics", id: data.id, metrics: await metrics.snapshot() });
      case "live":
        return post({ kind: "live", id: data.id, reading: live.read(data.question) });
      case "operate": {
        const answer = await pipeline.operate(data.command);
        return post({ kind: "operated", id: data.id, answer });
      }
      case "webhooks": {
        const { id, resend } = data;
        const why = "webhooks are off";
        const answer =
          webhooks === null
            ? why
            : resend === null
              ? webhooks.view()
              : await webhooks.resend(resend);
        return post({ kind: "webhooks", id, answer });
      }
      case "stopped":
        return stopped.resolve();
    }
  };
  post({ kind: "start", ...start, pulse: memory });
  const port = await started.promise;
  running = true;
  let told = "";
  let toldMap = "";
  return {
    port,
    pulse,
    setReadiness(readiness) {
      const now = JSON.stringify(readiness);
      if (now === told) return;
      told = now;
      post({ kind: "readiness", readiness });
    },
    setMap(map, lead) {
      const now = JSON.stringify([map, lead]);
      if (now === toldMap) return;
      toldMap = now;
      post({ kind: "map", map, lead });
    },
    setTariffs: (tariffs) => post({ kind: "tariffs", tariffs }),
    renew: (auditTokens) => post({ kind: "renew", auditTokens }),
    leave: () => post({ kind: "leave" }),
    async stop() {
      post({ kind: "stop" });
      await stopped.promise;
      thread.terminate();
    },
  };
}

/** Refuses a port that is taken: in a thread Bun shares it with its owner, without a word. */
function refuseTakenPort({ HTTP_HOST: hostname, HTTP_PORT: port }: WorkerSettings): void {
  try {
    Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
  } catch (error) {
    const settings = { host: "HTTP_HOST", port: "HTTP_PORT" };
    throw new Error(whyNotBound({ settings, host: hostname, port }, error), { cause: error });
  }
}
