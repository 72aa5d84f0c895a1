import { expect, test } from "bun:test";
import type { Readiness } from "../shared/http-api/readiness.ts";
import { Incidents } from "../shared/incidents.ts";
import { LinkWatch } from "./link-watch.ts";
import { readinessOf } from "./readiness.ts";

/** A link that answers or not, and a clock that a test moves. */
class Site {
  nowMs = 0;
  word: Readiness | null = null;
  readonly link = { answering: false, instance: 7 };
  readonly verdicts = { timeout: 0, busy: 0 };
  readonly lines: unknown[] = [];
  readonly clock = { steadyMs: () => this.nowMs, wallMs: () => this.nowMs };
  readonly log = (fields: object, message: string) => void this.lines.push([message, fields]);
  readonly incidents = new Incidents(this.clock, { info: this.log, error: this.log } as never);
  readonly watch = new LinkWatch({
    ...this,
    worker: "worker:9998",
    overHttp: async () => this.word,
  });

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.nowMs += 500;
      this.watch.look();
      if (this.nowMs % 5_000 === 0) await this.watch.lookOverHttp();
    }
  }
}

const about = { incident: "worker-silent", worker: "worker:9998" };
const SILENT = "the worker does not answer over the link";

test("a worker that is heard in time is no news", async () => {
  const site = new Site();
  await site.pass(2_000);
  site.link.answering = true;
  await site.pass(60_000);
  expect(site.lines).toEqual([]);
  expect(site.watch.isInDoubt).toBe(false);
});

test("one that falls silent is said once, and again when it answers, with what that cost", async () => {
  const site = new Site();
  site.link.answering = true;
  site.verdicts.timeout = 3;
  await site.pass(10_000);
  site.link.answering = false;
  await site.pass(20_000);
  site.verdicts.timeout = 45;
  site.link.answering = true;
  await site.pass(3_000);
  expect(site.lines).toEqual([
    [SILENT, about],
    [`over: ${SILENT}`, { ...about, unanswered: 42, refused: 0, durationMs: 20_000, times: 1 }],
  ]);
});

test("one that answers over HTTP alone is doubted, until it is heard", async () => {
  const site = new Site();
  site.word = { reasons: [], warnings: [] };
  await site.pass(15_000);
  expect(site.incidents.open().map(({ kind }) => kind)).toEqual(["worker-silent", "link-doubt"]);
  expect(site.watch.isInDoubt).toBe(true);
  site.link.answering = true;
  await site.pass(15_000);
  expect(site.incidents.open()).toEqual([]);
  expect(site.lines).toHaveLength(4);
});

test("one that says that this API has another secret is quoted, in the words of readiness", async () => {
  const site = new Site();
  const strangers = { code: "link-secret", detail: "frames", instances: [6, site.link.instance] };
  const worker: Readiness = { reasons: [], warnings: [strangers] };
  site.word = worker;
  await site.pass(5_000);
  const known = { address: "worker:9998", word: worker, link: site.link, isInDoubt: false };
  const [said] = readinessOf([known], false).reasons;
  expect(said?.code).toBe("link-secret");
  const [, fields] = site.lines.at(-1) as [string, object];
  expect(fields).toMatchObject({ incident: "link-doubt", reason: said?.detail });
});
