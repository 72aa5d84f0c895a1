import { expect, test } from "bun:test";
import type { ToldHistory } from "../../shared/http-api/history.ts";
import { Incidents } from "../../shared/incidents.ts";
import { AT_MS, incidentOf, minuteOf, newsOf } from "./history.fixture.ts";
import { HistoryKeeper, type KeeperSources } from "./history-keeper.ts";

/** Keeper with a pipeline, a disk and a clock that a test moves. */
class Site {
  nowMs = 0;
  minute = 1;
  accepted = 5;
  trouble: Error | null = null;
  isFresh = true;
  /** News that the pipeline tells of, and questions that it was asked. */
  news = 0;
  asked = 0;
  readonly written: ToldHistory[] = [];
  readonly lines: unknown[][] = [];
  readonly #say = (...line: unknown[]) => void this.lines.push(line);
  readonly #clock = { steadyMs: () => this.nowMs, wallMs: () => AT_MS + this.nowMs };
  readonly incidents = new Incidents(this.#clock, {
    info: this.#say,
    warn: this.#say,
    error: this.#say,
  } as never);
  readonly sources: KeeperSources = {
    clock: this.#clock,
    left: null,
    file: { write: (history) => this.write(history) },
    incidents: this.incidents,
    standstill: {
      news: () => this.news,
      untilFresh: () => (this.isFresh ? Promise.resolve() : Promise.reject(new Error("still"))),
    },
  };
  readonly keeper = new HistoryKeeper(this.sources);

  constructor() {
    this.keeper.start(async () => {
      this.asked++;
      const minute = minuteOf(this.minute, { accepted: this.accepted });
      this.keeper.take(newsOf({ minutes: [minute], news: this.news }));
    });
  }

  async write(history: ToldHistory): Promise<void> {
    if (this.trouble !== null) throw this.trouble;
    this.written.push(history);
  }

  /** The next minute begins. */
  turn(): void {
    this.minute++;
    this.news++;
  }

  async beat(ms = 5_000): Promise<void> {
    this.nowMs += ms;
    await this.keeper.beat();
    this.incidents.tick();
  }
}

test("it is fed and written though nobody looks, when there is anything new", async () => {
  const site = new Site();
  for (let n = 0; n < 5; n++) await site.beat();
  expect(site.written).toHaveLength(1);
  site.turn();
  for (let n = 0; n < 5; n++) await site.beat();
  expect(site.written.map(({ minutes }) => minutes.length)).toEqual([1, 2]);
  site.incidents.begin("audit-drift", "default", { details: { cents: 4 } });
  await site.beat();
  expect(site.written.at(-1)!.incidents).toMatchObject([{ incident: "audit-drift" }]);
  await site.keeper.stop();
  expect(site.written).toHaveLength(3);
});

test("the minute that goes on is written when the worker is stopped, and not at every beat", async () => {
  const site = new Site();
  for (let n = 0; n < 5; n++) {
    site.accepted++;
    await site.beat();
  }
  expect(site.written.map(({ minutes }) => minutes.at(-1)?.accepted)).toEqual([6]);
  site.accepted++;
  await site.keeper.stop();
  expect(site.written.map(({ minutes }) => minutes.at(-1)?.accepted)).toEqual([6, 11]);
});

test("a full disk is one incident, with the reason, and what was not written is written later", async () => {
  const site = new Site();
  site.trouble = Object.assign(new Error("no space left, open '/data/x'"), { code: "ENOSPC" });
  for (let n = 0; n < 100; n++) {
    site.turn();
    await site.beat();
  }
  const about = { incident: "history-fails", reason: "ENOSPC" };
  expect(site.lines).toEqual([[about, "the history is not written"]]);
  site.trouble = null;
  for (let n = 0; n < 3; n++) await site.beat();
  const over = { ...about, durationMs: 500_000, times: 1 };
  expect(site.lines.slice(1)).toEqual([[over, "over: the history is not written"]]);
  expect(site.written.at(-1)!.minutes).toHaveLength(100);
  expect(site.keeper.newest()).toMatchObject([{ incident: "history-fails", reason: "ENOSPC" }]);
});

test("while the journal's disk does not answer nothing is written, and nothing said", async () => {
  const site = new Site();
  site.isFresh = false;
  await site.beat();
  expect([site.written, site.lines]).toEqual([[], []]);
  site.isFresh = true;
  await site.beat();
  expect(site.written).toHaveLength(1);
});

test("a write that hangs holds up neither readers nor the end", async () => {
  const site = new Site();
  let writes = 0;
  site.write = () => {
    writes++;
    return new Promise(() => {});
  };
  void site.keeper.beat();
  await Bun.sleep(0);
  site.minute = 2;
  site.keeper.take(newsOf({ incidents: [incidentOf(AT_MS)] }));
  void site.keeper.beat();
  expect(site.keeper.tell()).toMatchObject({ minutes: [{}], incidents: [{}] });
  await site.keeper.stop();
  expect(writes).toBe(1);
});

test("no more incidents come with live figures than a few", () => {
  const site = new Site();
  const incidents = Array.from({ length: 60 }, (_, i) => incidentOf(AT_MS + i));
  site.keeper.take(newsOf({ incidents }));
  expect(site.keeper.newest()).toHaveLength(20);
  expect(site.keeper.tell().incidents).toHaveLength(60);
});

test("the pipeline is asked when it has told of something new, and else only by who reads", async () => {
  const site = new Site();
  for (let n = 0; n < 20; n++) await site.beat();
  expect(site.asked).toBe(1);
  site.turn();
  for (let n = 0; n < 20; n++) await site.beat();
  expect(site.asked).toBe(2);
  site.accepted++;
  await site.keeper.look();
  expect(site.asked).toBe(3);
  expect(site.keeper.tell().minutes.at(-1)?.accepted).toBe(6);
  // News whose answer was not taken are asked for again.
  site.news++;
  site.keeper.start(async () => void site.asked++);
  for (let n = 0; n < 3; n++) await site.beat();
  expect(site.asked).toBe(6);
});

test("with no file to write, too, an idle pipeline is asked once", async () => {
  let asked = 0;
  const site = new Site();
  const keeper = new HistoryKeeper({ ...site.sources, file: null });
  keeper.start(async () => {
    asked++;
    keeper.take(newsOf({ minutes: [minuteOf(1)], news: 0 }));
  });
  for (let n = 0; n < 5; n++) await keeper.beat();
  expect(asked).toBe(1);
  await keeper.stop();
});
