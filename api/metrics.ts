import { Counter, Gauge, Registry } from "prom-client";
import { setOrLeaveOut } from "../shared/gauge.ts";
import type { Link, Verdict } from "../shared/verdict.ts";
import { build } from "../shared/version.ts";
import { PlainHistogram } from "./plain-histogram.ts";

/** An answer of the link to one payment; `timeout` is no verdict in time. */
export type VerdictKind = Verdict["kind"] | "timeout";

export type ApiMetrics = {
  countRequest(route: string, status: number): void;
  /** Counts a payment that was handed to the worker: its verdict, and how long its request took. */
  observePayment(kind: VerdictKind, seconds: number): void;
  /** Verdicts so far. */
  readonly verdicts: Readonly<Record<VerdictKind, number>>;
  /** Prometheus text of this process alone: the worker has a page of its own. */
  answer(): Promise<Response>;
};

/** Buckets for the time from a payment's arrival to its answer: well below 1 ms when all is well. */
const ACCEPT_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const STATUSES = 600;

/**
 * Requests and their times are counted in plain numbers, and given their labels only when somebody reads them.
 * `secretDiffers`: whether a worker says that this API's secret is not its own.
 */
export function createApiMetrics(
  link: Pick<Link, "answering" | "traffic">,
  secretDiffers: () => boolean,
): ApiMetrics {
  const registry = new Registry();
  const requests = new Map<string, Float64Array>();
  const verdicts: Record<VerdictKind, number> = {
    stored: 0,
    duplicate: 0,
    conflict: 0,
    busy: 0,
    elsewhere: 0,
    invalid: 0,
    timeout: 0,
  };

  const accept = new PlainHistogram({
    name: "papaleguas_api_accept_seconds",
    help: "From the arrival of a payment that was handed to the worker to its answer.",
    buckets: ACCEPT_SECONDS,
  });
  const requestsTotal = new Counter({
    name: "papaleguas_api_requests_total",
    help: "Requests answered, by route and status code.",
    labelNames: ["route", "code"],
    registers: [],
    collect() {
      this.reset();
      for (const [route, counts] of requests) {
        for (const [code, count] of counts.entries()) {
          if (count > 0) this.inc({ route, code }, count);
        }
      }
    },
  });
  const verdictsTotal = new Counter({
    name: "papaleguas_api_verdicts_total",
    help: "Verdicts of the worker by kind; timeout is no verdict in time.",
    labelNames: ["kind"],
    registers: [],
    collect() {
      this.reset();
      for (const [kind, count] of Object.entries(verdicts)) this.inc({ kind }, count);
    },
  });
  const workerAnswering = new Gauge({
    name: "papaleguas_api_worker_answering",
    help: "1 while the worker answers over the link, else 0; of several workers 1 while all do.",
    registers: [],
    collect() {
      this.set(link.answering ? 1 : 0);
    },
  });
  const linkSecretDiffers = new Gauge({
    name: "papaleguas_api_link_secret_differs",
    help: "1 while a worker says that frames of this API are made with another secret, else 0.",
    registers: [],
    collect() {
      this.set(secretDiffers() ? 1 : 0);
    },
  });
  const frames = new Counter({
    name: "papaleguas_api_link_frames_total",
    help: "Link frames sent, sent again, and received.",
    labelNames: ["direction"],
    registers: [],
    collect() {
      this.reset();
      const { framesSent, framesReceived, retransmissions } = link.traffic;
      this.inc({ direction: "sent" }, framesSent);
      this.inc({ direction: "sent again" }, retransmissions);
      this.inc({ direction: "received" }, framesReceived);
    },
  });
  const drops = new Counter({
    name: "papaleguas_api_link_drops_total",
    help: "Link frames that were not believed, by reason.",
    labelNames: ["reason"],
    registers: [],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(link.traffic.drops)) this.inc({ reason }, count);
    },
  });
  const residentMemory = new Gauge({
    name: "papaleguas_api_resident_memory_bytes",
    help: "Resident memory of this process.",
    registers: [],
    collect() {
      setOrLeaveOut(this, () => process.memoryUsage.rss());
    },
  });
  // The first is every process's, told apart by its job; the second is an API's alone.
  for (const name of ["papaleguas_build_info", "papaleguas_api_build_info"]) {
    const help = "1, with what this API was built of.";
    new Gauge({ name, help, labelNames: ["version", "commit", "bun"], registers: [registry] }).set(
      build(),
      1,
    );
  }
  registry.registerMetric(requestsTotal);
  registry.registerMetric(accept.metric);
  registry.registerMetric(verdictsTotal);
  registry.registerMetric(workerAnswering);
  registry.registerMetric(linkSecretDiffers);
  registry.registerMetric(frames);
  registry.registerMetric(drops);
  registry.registerMetric(residentMemory);

  return {
    verdicts,
    countRequest(route, status) {
      let counts = requests.get(route);
      if (counts === undefined) {
        counts = new Float64Array(STATUSES);
        requests.set(route, counts);
      }
      counts[status] = (counts[status] ?? 0) + 1;
    },
    observePayment(kind, seconds) {
      verdicts[kind] += 1;
      accept.observe(seconds);
    },
    answer: async () =>
      new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } }),
  };
}
