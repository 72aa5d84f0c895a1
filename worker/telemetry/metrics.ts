/**
 * Collects the pipeline's metrics. Plain counters are kept where things happen; prom-client reads them
 * when it is asked. The http thread asks for them by a message and puts its own beside them.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../../shared/clock.ts";
import type { UdpServer } from "../../shared/link.ts";
import { build } from "../../shared/version.ts";
import type { Journal } from "../journal.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Lane } from "../lane.ts";
import type { Webhooks } from "../webhooks.ts";

const BREAKER_VALUE = { closed: 0, "half-open": 1, open: 2 } as const;
const MODE_VALUE = { auto: 0, drained: 1, forced: 2 } as const;

const NOTHING_ASKED = { nowhere: 0, found: 0, conflict: 0 };

export type MetricsSources = {
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly journal: Journal;
  readonly link: UdpServer;
  /** Null when they are off: then they have no metrics. */
  readonly webhooks: Pick<Webhooks, "figures" | "view"> | null;
};

export class PipelineMetrics {
  readonly #registry = new Registry();
  readonly #sources: MetricsSources;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#addBuild();
    this.#addClock();
    this.#addPayments();
    this.#addProcessors();
    this.#addJournal();
    this.#addCaution();
    this.#addLink();
    if (sources.webhooks !== null) this.#addWebhooks(sources.webhooks);
  }

  snapshot(): Promise<unknown> {
    return this.#registry.getMetricsAsJSON();
  }

  #addBuild(): void {
    const { version, commit, bun } = build();
    const names = ["version", "commit", "bun"];
    this.#gauge("build_info", "1, with what the worker was built of", names, (set) =>
      set(1, version, commit, bun),
    );
  }

  /** Both clocks run at one speed, so that only setting one of them moves them apart. */
  #addClock(): void {
    const { clock } = this.#sources;
    const aheadMs = () => clock.wallMs() - clock.steadyMs();
    const atStartMs = aheadMs();
    const help = "By how much the machine's clock was set forward since the worker's start";
    this.#gauge("clock_set_seconds", help, [], (set) => set((aheadMs() - atStartMs) / 1_000));
  }

  #addPayments(): void {
    const { pipeline } = this.#sources;
    const { payments } = pipeline;
    this.#gauge("backlog", "Payments accepted and not settled", [], (set) => set(payments.count));
    const limit = "Payments are turned away when the backlog has come to it";
    this.#gauge("backlog_limit", limit, [], (set) => set(pipeline.backlogMax));
    this.#gauge("backlog_payments", "Open payments by state", ["state"], (set) => {
      for (const [state, count] of Object.entries(payments.countByState)) set(count, state);
      for (const state of ["rejected", "conflict"] as const) {
        set(payments.parked.get(state) ?? 0, state);
      }
    });
    const age = "Age of the oldest open payment that is not held";
    this.#gauge("backlog_oldest_seconds", age, [], (set) => set(payments.oldestAgeMs() / 1_000));
    this.#counter("verdicts_total", "Verdicts given to APIs", ["verdict"], (set) => {
      for (const [kind, count] of Object.entries(pipeline.verdicts)) set(count, kind);
    });
  }

  #addProcessors(): void {
    const lanes = this.#sources.pipeline.lanes.all;
    const gauge = (name: string, help: string, value: (lane: Lane) => number) =>
      this.#gauge(name, help, ["processor"], (set) => {
        for (const lane of lanes) set(value(lane), lane.name);
      });
    this.#counter("settled_total", "Payments settled since start", ["processor"], (set) => {
      for (const { name, settled } of lanes) set(settled, name);
    });
    const attempts = "Answers of processors by outcome";
    this.#counter("attempts_total", attempts, ["processor", "outcome"], (set) => {
      for (const lane of lanes) {
        for (const [kind, count] of Object.entries(lane.attempts)) set(count, lane.name, kind);
      }
    });
    const breaker = "Breaker: 0 closed, 1 half-open, 2 open";
    gauge("breaker_state", breaker, (lane) => BREAKER_VALUE[lane.breaker.kind]);
    const mode = "What an operator has set: 0 nothing, 1 drained, 2 forced";
    gauge("processor_mode", mode, (lane) => MODE_VALUE[lane.mode]);
    const moved =
      "1: another address than its open payments were sent to, and nothing is sent there";
    gauge("processor_moved", moved, (lane) => (lane.movedFrom === null ? 0 : 1));
    gauge("in_flight", "Calls in flight", (lane) => lane.inFlight);
    gauge("in_flight_limit", "Limit of calls in flight", (lane) => lane.limit);
    gauge("latency_seconds", "Smoothed latency", (lane) => lane.latencyMs / 1_000);
  }

  #addJournal(): void {
    const { journal } = this.#sources;
    this.#counter("commits_total", "Journal commits by result", ["result"], (set) => {
      set(journal.stats.commits, "done");
      set(journal.stats.failures, "failed");
    });
    const failures = "Checkpoints of the journal that failed";
    this.#counter("journal_checkpoint_failures_total", failures, [], (set) =>
      set(journal.checkpoints.failures),
    );
    this.#counter("commit_transitions_total", "Transitions committed", [], (set) =>
      set(journal.stats.transitions),
    );
    this.#gauge("journal_queue", "Transitions that wait for their commit", [], (set) =>
      set(journal.queued),
    );
    const durations = new Histogram({
      name: "papaleguas_commit_seconds",
      help: "Duration of journal commits",
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      registers: [this.#registry],
    });
    journal.onCommit = (durationMs) => durations.observe(durationMs / 1_000);
  }

  #addCaution(): void {
    const { pipeline } = this.#sources;
    const cautious = "1: the journal was restored from a copy, and payments are asked for first";
    this.#gauge("journal_cautious", cautious, [], (set) => set(pipeline.caution === null ? 0 : 1));
    const asking = "Payments that processors are asked for before they may be charged";
    this.#gauge("cautious_payments", asking, [], (set) => set(pipeline.caution?.count ?? 0));
    const asked = "Payments that were asked for, by what came of it";
    this.#counter("cautious_asked_total", asked, ["outcome"], (set) => {
      const counts = Object.entries(pipeline.caution?.counts ?? NOTHING_ASKED);
      for (const [outcome, count] of counts) set(count, outcome);
    });
    const unasked = "Payments that wait for a processor that cannot be asked, or for an operator";
    this.#gauge("cautious_waiting", unasked, ["processor"], (set) => {
      for (const lane of pipeline.lanes.all) set(pipeline.caution?.stuckAt(lane) ?? 0, lane.name);
    });
  }

  #addWebhooks(webhooks: Pick<Webhooks, "figures" | "view">): void {
    const tries = "Tries to deliver a webhook since the start, by what came of them";
    this.#counter("webhook_tries_total", tries, ["outcome"], (set) => {
      set(webhooks.figures.delivered, "taken");
      set(webhooks.figures.failedTries, "failed");
    });
    const failed = "Webhooks that failed: those that are tried again, and those that were given up";
    this.#gauge("webhooks_failed", failed, ["state"], (set) => {
      set(webhooks.figures.retrying, "retrying");
      set(webhooks.figures.givenUp, "given up");
    });
    const oldest =
      "Age of the oldest webhook that is known to be undelivered; 0 when there is none";
    this.#gauge("webhooks_oldest_seconds", oldest, [], (set) =>
      set(webhooks.view().oldestSeconds ?? 0),
    );
    const ended = "1: the receiver has answered 410, and is sent nothing more";
    this.#gauge("webhooks_ended", ended, [], (set) =>
      set(webhooks.figures.endedAtMs === null ? 0 : 1),
    );
  }

  #addLink(): void {
    const { link } = this.#sources;
    this.#counter("link_frames_total", "Link frames", ["direction"], (set) => {
      set(link.stats.framesReceived, "received");
      set(link.stats.framesSent, "sent");
    });
    this.#counter("link_repeats_total", "Frames received again while in hand", [], (set) =>
      set(link.stats.repeats),
    );
    this.#counter("link_old_secret_frames_total", "Frames made with the old secret", [], (set) =>
      set(link.stats.oldSecret),
    );
    this.#counter("link_drops_total", "Frames dropped by reason", ["reason"], async (set) => {
      for (const [reason, count] of Object.entries(link.stats.drops)) set(count, reason);
      set(await link.kernelDrops(), "kernel");
    });
    this.#gauge("link_receive_buffer_bytes", "Receive buffer granted by the kernel", [], (set) =>
      set(link.receiveBufferBytes),
    );
  }

  #gauge(name: string, help: string, labelNames: string[], read: Read): void {
    const gauge = new Gauge({
      name: `papaleguas_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () =>
        read((value, ...labels) => {
          if (value === null) gauge.remove(...labels);
          else gauge.set(zip(labelNames, labels), value);
        }),
    });
  }

  #counter(name: string, help: string, labelNames: string[], read: Read): void {
    const counter = new Counter({
      name: `papaleguas_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      async collect() {
        const values: [number, string[]][] = [];
        await read((value, ...labels) => {
          if (value !== null) values.push([value, labels]);
        });
        counter.reset();
        for (const [value, labels] of values) counter.inc(zip(labelNames, labels), value);
      },
    });
  }
}

/** Reads figures. Null is one that cannot be read: it is left out. */
type Read = (set: (value: number | null, ...labels: string[]) => void) => void | Promise<void>;

function zip(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]));
}
