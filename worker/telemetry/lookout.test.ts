import { expect, test } from "bun:test";
import { Incidents } from "../../shared/incidents.ts";
import { Lookout } from "./lookout.ts";

/** A worker's counters, and clocks that a test moves. */
class Site {
  nowMs = 0;
  wallAheadMs = 0;
  drops: number | null = 0;
  readonly lines: string[] = [];
  readonly clock = {
    steadyMs: () => this.nowMs,
    wallMs: () => 1_800_000_000_000 + this.nowMs + this.wallAheadMs,
  };
  readonly log = (fields: object, message: string) =>
    void this.lines.push(`${message} ${JSON.stringify(fields)}`);
  readonly incidents = new Incidents(this.clock, {
    info: this.log,
    warn: this.log,
    error: this.log,
  } as never);
  readonly pipeline = { backlogMax: 1_000, payments: { count: 0 }, verdicts: { busy: 0 } };
  readonly journal = { queued: 0, commitMs: 0, stats: { commits: 0 } };
  readonly forged = new Map<string, { frames: number; lastAtMs: number }>();
  readonly lookout = new Lookout({
    ...this,
    link: { forged: this.forged, kernelDrops: async () => this.drops },
  });

  /** Looks as the worker does, for so many seconds. */
  async pass(seconds: number): Promise<void> {
    for (let n = 1; n <= seconds; n++) {
      this.nowMs += 1_000;
      this.lookout.look();
      if (this.nowMs % 5_000 === 0) await this.lookout.lookFurther();
      this.incidents.tick();
    }
  }

  get open(): string[] {
    return this.incidents.open().map(({ kind, subject }) => subject ?? kind);
  }
}

test("while all is well it finds nothing", async () => {
  const site = new Site();
  site.pipeline.payments.count = 700;
  site.journal.stats.commits = 1_000;
  site.journal.commitMs = 20_000;
  await site.pass(20);
  expect(site.lines).toEqual([]);
});

test("a backlog near its bound, until it is well below, with what was refused", async () => {
  const site = new Site();
  site.pipeline.payments.count = 800;
  site.pipeline.verdicts.busy = 3;
  await site.pass(1);
  expect(site.open).toEqual(["backlog-high"]);
  site.pipeline.payments.count = 601;
  site.pipeline.verdicts.busy = 12;
  await site.pass(10);
  expect(site.open).toEqual(["backlog-high"]);
  site.pipeline.payments.count = 599;
  await site.pass(5);
  expect(site.lines).toEqual([
    'the backlog is near its bound {"incident":"backlog-high","open":800,"bound":1000}',
    'over: the backlog is near its bound {"incident":"backlog-high","open":601,"bound":1000,"refused":12,"durationMs":11000,"times":1}',
  ]);
});

test("a journal whose commits take long, until they are quick or there are none", async () => {
  const site = new Site();
  site.journal.stats.commits += 10;
  site.journal.commitMs += 600;
  await site.pass(5);
  expect(site.open).toEqual(["journal-slow"]);
  site.journal.stats.commits += 10;
  site.journal.commitMs += 300;
  await site.pass(5);
  expect(site.open).toEqual(["journal-slow"]);
  await site.pass(5);
  expect(site.open).toEqual([]);
  expect(site.lines[0]).toContain('"meanMs":60');
});

test("frames with a wrong MAC, for each sender, until there are none for a while", async () => {
  const site = new Site();
  for (let n = 1; n <= 3; n++) {
    site.forged.set("10.0.0.1", { frames: n, lastAtMs: site.nowMs });
    await site.pass(1);
  }
  site.forged.set("10.0.0.2", { frames: 1, lastAtMs: site.nowMs });
  await site.pass(1);
  expect(site.open).toEqual(["10.0.0.1", "10.0.0.2"]);
  await site.pass(10);
  expect(site.open).toEqual([]);
  expect(site.lines.at(-1)).toContain('"address":"10.0.0.2","frames":1,"durationMs":0,');
  expect(site.lines.find((line) => line.startsWith("over"))).toContain('"frames":3,');
  expect(site.lines).toHaveLength(4);
});

test("datagrams that the kernel dropped, all of a burst", async () => {
  const site = new Site();
  site.drops = 500;
  await site.pass(5);
  site.drops = 900;
  await site.pass(5);
  site.drops = null;
  await site.pass(5);
  expect(site.open).toEqual(["receive-buffer"]);
  await site.pass(10);
  expect(site.lines).toHaveLength(2);
  expect(site.lines[1]).toContain('"datagrams":900,"durationMs":5000,');
});

test("a clock that was set, by how much in all; one that is slowed down is not", async () => {
  const site = new Site();
  for (let n = 0; n < 60; n++) {
    site.wallAheadMs += 0.5;
    await site.pass(1);
  }
  expect(site.lines).toEqual([]);
  site.wallAheadMs -= 3_600_000;
  await site.pass(1);
  site.wallAheadMs += 3_599_000;
  await site.pass(12);
  expect(site.lines).toEqual([
    'the clock was set {"incident":"clock-stepped","stepMs":-3600000}',
    expect.stringContaining('"stepMs":-1000,"steps":2,"durationMs":1000,'),
  ]);
});
