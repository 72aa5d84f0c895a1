/** The night's story: what happens, what whoever is on call can see of it, and what they do. */
import { expect } from "bun:test";
import type { IncidentKind } from "../../../shared/incidents/table.ts";
import { until } from "../../../testing/until.ts";
import type { Night } from "./night.ts";

export type Who = "worker" | "api-1" | "api-2";
type Fields = Readonly<Record<string, unknown>>;

export type Step = {
  readonly name: string;
  readonly cause: (night: Night) => Promise<void>;
  /** Incidents that the log begins with, whose it is, with fields of the line. */
  readonly begins: readonly (readonly [Who, IncidentKind, Fields?])[];
  /** The sentence on the page. */
  readonly page: RegExp;
  /** Readiness of the worker and of both APIs. */
  readonly readiness: readonly [worker: string, first: string, second: string];
  /** Alerts that fire. No other critical one does. */
  readonly alerts: readonly string[];
  /** Null when the next step is what they do. */
  readonly cure: ((night: Night) => Promise<void>) | null;
  /** Incidents of which the log says that they are over. A process that was replaced says nothing more. */
  readonly over: readonly (readonly [Who, IncidentKind])[];
};

const PAYMENTS_AFTER = 20;
const ALL_READY = ["200", "200", "200"] as const;
let copy = "";
let takeBack = (): void => {};

const WORKER_GONE: Pick<Step, "begins" | "page" | "readiness" | "alerts"> = {
  begins: [
    ["api-1", "worker-silent"],
    ["api-2", "worker-silent"],
  ],
  page: /^The worker does not answer/,
  readiness: ["gone", "503 worker-silent", "503 worker-silent"],
  alerts: ["PapaLeguasWorkerAbsent", "PapaLeguasProcessDown"],
};

export const steps: readonly Step[] = [
  {
    name: "an earlier version's worker was stopped for its upgrade, under load",
    cause: async () => {},
    ...WORKER_GONE,
    async cure(night) {
      await night.backup();
      await night.worker.startAndWait();
      await night.worker.untilLine((line) => line.includes('"upgraded the journal"'));
      // Somebody had drained it, in the earlier version's time.
      await night.command("operator", "resume", "fallback", "--why", "it works");
    },
    over: [
      ["api-1", "worker-silent"],
      ["api-2", "worker-silent"],
    ],
  },
  {
    name: "the disk fills",
    cause: async ({ disk }) => disk.fill(),
    begins: [["worker", "journal-fails", { reason: expect.stringMatching(/full/i) }]],
    page: /^Payments are turned away, because the journal cannot be written: .*full/i,
    readiness: ["503 journal-fails", "503 journal-fails", "503 journal-fails"],
    alerts: ["PapaLeguasJournalCannotWrite"],
    cure: async ({ disk }) => disk.makeRoom(),
    over: [["worker", "journal-fails"]],
  },
  {
    name: "one API has another secret",
    cause: (night) => night.replaceSecondApi("another secret"),
    begins: [
      ["worker", "link-secret", { address: "127.0.0.1" }],
      ["api-2", "worker-silent"],
      ["api-2", "link-doubt"],
    ],
    page: /^1 sender of frames has another LINK_SECRET than the worker/,
    readiness: ["200 (link-secret)", "200", "503 link-secret"],
    alerts: ["PapaLeguasLinkSecretDiffers"],
    cure: (night) => night.replaceSecondApi(),
    over: [["worker", "link-secret"]],
  },
  {
    name: "a processor's address moves while payments may be charged there",
    async cause(night) {
      const { cheapest, stack, worker } = night;
      await cheapest.setFaults({ hangAll: true, hangInserts: true });
      const unknown = 'papaleguas_backlog_payments{state="unknown"}';
      await until("payments are unknown", async () => {
        return Number(await stack.workerHttp.metric(unknown)) > 0;
      });
      await worker.kill();
      await cheapest.heal();
      const [first = "", second = ""] = stack.processors.map(({ url }) => url);
      night.processorsAt([first.replace("127.0.0.1", "localhost"), second]);
      await worker.startAndWait();
    },
    begins: [["worker", "processor-moved", { processor: "default" }]],
    page: /^default has another address than its open payments were sent to/,
    readiness: ALL_READY,
    alerts: ["PapaLeguasProcessorMoved"],
    async cure(night) {
      await night.command("operator", "moved", "default", "--why", "it has a name now");
    },
    over: [["worker", "processor-moved"]],
  },
  {
    name: "a processor disagrees by 400.00",
    cause: async (night) => void (takeBack = night.chargeByItself(40_000)),
    begins: [["worker", "audit-drift", { processor: "default", payments: 1, cents: 40_000 }]],
    page: /^default has recorded 400\.00 more than is settled here: 1 payment differs\./,
    readiness: ALL_READY,
    alerts: ["PapaLeguasAuditDrift"],
    cure: async () => takeBack(),
    over: [["worker", "audit-drift"]],
  },
  {
    name: "the disk dies, some payments after the last copy",
    async cause(night) {
      const { disk, shops, worker } = night;
      copy = await night.backup();
      const before = shops.accepted.length;
      await until("payments go on", () => shops.accepted.length > before + PAYMENTS_AFTER);
      await disk.lose();
      expect(await worker.ended).toEqual({ code: 1, signal: null });
      const log = worker.lines.concat(worker.errors).join("\n");
      expect(log).toMatch(/\.db was removed while the worker ran/);
    },
    ...WORKER_GONE,
    cure: null,
    over: [],
  },
  {
    name: "the journal is a restored copy",
    async cause(night) {
      await night.disk.replace();
      await night.command("restore", copy);
      await night.worker.startAndWait();
    },
    begins: [
      ["worker", "journal-restored"],
      ["worker", "audit-gap"],
    ],
    page: /^The journal was restored from a copy: .* That is the gap of the restore/,
    readiness: ALL_READY,
    alerts: ["PapaLeguasJournalRestored", "PapaLeguasBackupOld"],
    async cure(night) {
      await night.shops.repeatAll();
      await night.worker.untilLine((line) => line.includes('"over: audit: the gap'));
      await night.command("operator", "trust-journal", "--why", "the shops have repeated it all");
      await night.backup();
    },
    over: [
      ["api-1", "worker-silent"],
      ["api-2", "worker-silent"],
      ["worker", "audit-gap"],
      ["worker", "journal-restored"],
    ],
  },
];
