import { expect, test } from "bun:test";
import { Incidents } from "../shared/incidents.ts";
import { Checkpoints } from "./journal/checkpoints.ts";
import { allocatePulse, Pulse, PulseWatch } from "./pulse.ts";
import type { Readiness as Told } from "../shared/http-api/readiness.ts";
import type { Stranger } from "../shared/link/strangers.ts";
import { Readiness } from "./readiness.ts";

/** Site with a journal that fares as a test says, a clock that it moves, and what is told and logged. */
class Site {
  nowMs = 0;
  readonly checkpoints = new Checkpoints();
  readonly memory = allocatePulse();
  readonly lines: unknown[] = [];
  readinessTold: Told = { reasons: [], warnings: [] };
  strangers: Stranger[] = [];
  readonly journal: {
    trouble: string | null;
    stats: { failures: number };
    checkpoints: Checkpoints;
    onCommitting: (isUnderWay: boolean) => void;
  } = {
    trouble: null,
    stats: { failures: 0 },
    checkpoints: this.checkpoints,
    onCommitting() {},
  };
  readonly pipeline: { ledgerEnd: string | null; news: number; verdicts: { busy: number } } = {
    ledgerEnd: null,
    news: 0,
    verdicts: { busy: 0 },
  };
  readonly clock = { steadyMs: () => this.nowMs, wallMs: () => this.nowMs };
  readonly incidents = new Incidents(this.clock, {
    info: (...line: unknown[]) => void this.lines.push(["info", ...line]),
    error: (...line: unknown[]) => void this.lines.push(["error", ...line]),
  } as never);
  readonly readiness = new Readiness({
    clock: this.clock,
    journal: this.journal,
    pipeline: this.pipeline,
    http: {
      pulse: new Pulse(this.memory),
      setReadiness: (readiness) => void (this.readinessTold = readiness),
    },
    link: { strangers: () => this.strangers },
    incidents: this.incidents,
  });

  /** Gives the reason that is told first. */
  tick(afterMs = 10): string | null {
    this.nowMs += afterMs;
    this.readiness.tick();
    return this.told;
  }

  get told(): string | null {
    return this.readinessTold.reasons[0]?.detail ?? null;
  }
}

test("a tick beats; the watch knows when there is none, and whether a commit is under way", () => {
  const site = new Site();
  const watch = new PulseWatch(site.memory);
  expect(site.tick()).toBeNull();
  expect(watch.standstill(site.nowMs)).toBeNull();
  expect(watch.news).toBe(0);
  site.pipeline.news = 3;
  site.tick();
  expect(watch.news).toBe(3);
  site.journal.onCommitting(true);
  expect(watch.standstill(site.nowMs + 4_000)).toContain("4 s: the journal's disk");
});

test("a journal that fails is said while it lasts, and logged once at each end", () => {
  const site = new Site();
  site.journal.trouble = "database or disk is full";
  site.pipeline.verdicts.busy += 3;
  for (let i = 0; i < 5; i++)
    expect(site.tick()).toBe("the journal fails: database or disk is full");
  site.pipeline.verdicts.busy += 4;
  site.journal.stats.failures += 2;
  site.journal.trouble = null;
  for (let i = 0; i < 5; i++) expect(site.tick()).toBeNull();
  site.incidents.close();
  const about = { incident: "journal-fails", reason: "database or disk is full" };
  const cost = { refused: 7, failedCommits: 2, failedCheckpoints: 0 };
  expect(site.lines).toEqual([
    ["error", about, "the journal fails"],
    ["info", { ...about, ...cost, durationMs: 50, times: 1 }, "over: the journal fails"],
  ]);
});

test("checkpoints that fail are logged at once, and make it not ready when they go on failing", () => {
  const site = new Site();
  site.checkpoints.failed(site.nowMs, "disk I/O error");
  expect(site.tick()).toBeNull();
  site.checkpoints.failed(site.nowMs, "disk I/O error");
  expect(site.tick(10_000)).toBe("checkpoints fail: disk I/O error; the journal's log grows");
  site.checkpoints.succeeded();
  expect(site.tick()).toBeNull();
  site.incidents.close();
  const about = { incident: "checkpoints-fail", reason: "disk I/O error" };
  expect(site.lines).toEqual([
    ["error", about, "checkpoints fail"],
    ["info", expect.objectContaining({ ...about, failedCheckpoints: 2 }), "over: checkpoints fail"],
  ]);
});

test("every reason is told, each with a code; a stranger's secret makes nobody red", () => {
  const site = new Site();
  site.strangers = [
    { address: "10.0.0.5", instance: 7 },
    { address: "10.0.0.5", instance: 8 },
  ];
  expect(site.tick()).toBeNull();
  expect(site.readinessTold.warnings).toEqual([
    {
      code: "link-secret",
      detail: "frames were made with another LINK_SECRET; they come from 10.0.0.5",
      instances: [7, 8],
    },
  ]);
  site.journal.trouble = "disk full";
  site.pipeline.ledgerEnd = "0 rows are left";
  site.readiness.drain();
  expect(site.readinessTold.reasons.map(({ code }) => code)).toEqual([
    "draining",
    "journal-fails",
    "ledger-end",
  ]);
});

test("while it drains it says so, and goes on beating", () => {
  const site = new Site();
  const watch = new PulseWatch(site.memory);
  site.readiness.drain();
  expect(site.told).toBe("draining");
  for (let i = 0; i < 400; i++) {
    expect(site.tick()).toBe("draining");
    expect(watch.standstill(site.nowMs)).toBeNull();
  }
});

test("a ledger at its end is said while it lasts, and logged once at each end", () => {
  const site = new Site();
  site.pipeline.ledgerEnd = "0 rows are left";
  for (let i = 0; i < 3; i++) expect(site.tick()).toBe("the ledger is at its end: 0 rows are left");
  site.pipeline.ledgerEnd = null;
  expect(site.tick()).toBeNull();
  site.incidents.close();
  const about = { incident: "ledger-end", reason: "0 rows are left" };
  expect(site.lines).toEqual([
    ["error", about, "the ledger is at its end"],
    ["info", expect.objectContaining(about), "over: the ledger is at its end"],
  ]);
});
