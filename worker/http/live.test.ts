import { expect, test } from "bun:test";
import type {
  LaneChange,
  LiveSecond,
  LiveSnapshot,
  LiveTotals,
} from "../../shared/http-api/live.ts";
import type { ToldIncident } from "../../shared/http-api/incident.ts";
import type { LiveMinute, LiveQuestion, LiveReading } from "../live.ts";
import { shareOf } from "../../shared/tariff.ts";
import { LiveFeed, STREAMS_MAX } from "./live.ts";
import type { Call } from "./route.ts";

const PERIOD_MS = 20;
const MONEY = { total: "59.70", paid: "2.985", avoided: "0.00", left: "0.00", each: [] };

/** Pipeline in which a second passes whenever it is asked, and a breaker changes every other time. */
class Watched {
  readonly questions: LiveQuestion[] = [];
  readonly seconds: LiveSecond[] = [];
  readonly changes: LaneChange[] = [];
  readonly feed: LiveFeed;
  /** Minutes that the history was given, and incidents that it has. */
  readonly minutes: LiveMinute[] = [];
  incidents: readonly ToldIncident[] = [];
  standstill: string | null = null;
  /** Sums of the journal, once it answers. */
  settled = Promise.resolve([["default", { count: 3, cents: 5_970 }]] as [string, LiveTotals][]);
  /** Text that makes an event large. */
  padding = "";

  constructor(periodMs = 5) {
    this.feed = new LiveFeed({
      ask: async (question) => this.#read(question),
      settled: async () => new Map(await this.settled),
      money: async () => MONEY,
      notReady: () => this.standstill,
      standstill: () => this.standstill,
      damage: () => null,
      audited: () => [],
      history: {
        take: ({ minutes }) => void this.minutes.push(...minutes),
        newest: () => this.incidents,
      },
      periodMs,
    });
  }

  #read(question: LiveQuestion): LiveReading {
    this.questions.push(question);
    this.seconds.push(secondOf(this.questions.length));
    if (this.questions.length % 2 === 0) this.changes.push(changeOf(this.changes.length + 1));
    const lane = {
      name: "default",
      fee: 0.05,
      tariff: shareOf(0.05),
      mode: "auto",
      moved: false,
      unreachable: null,
      lacks: [],
      unasked: 0,
      breaker: "closed",
    } as const;
    return {
      at: iso(0),
      startedAt: iso(0),
      upMs: 0,
      untilDurable: null,
      backlog: {
        open: 0,
        max: 10,
        oldestSeconds: 0,
        states: { accepting: 0, queued: 0, assigned: 0, unknown: 0, held: 0 },
        rejected: 0,
        conflict: 0,
      },
      journal: { trouble: this.padding, queued: 0, restored: false },
      link: { strangers: 0 },
      clockStepMs: null,
      lanes: [{ ...lane, latencyMs: 1, inFlight: 0, limit: 8 }],
      seconds: this.seconds.filter(({ number }) => number > question.afterSecond),
      changes: this.changes.filter(({ number }) => number > question.afterChange),
      news: 0,
      minutes: this.seconds.slice(-1),
      incidents: [],
    };
  }

  async open(accept = "text/event-stream", query = ""): Promise<Response> {
    return this.feed.answer(callOf(accept, query));
  }

  async once(): Promise<LiveSnapshot> {
    return (await (await this.open("application/json")).json()) as LiveSnapshot;
  }
}

const iso = (ms: number) => new Date(ms).toISOString();

function secondOf(number: number): LiveSecond {
  const counts = { accepted: 1, settled: [1], p50Ms: 1, p99Ms: 2, open: 0, unknown: 0 };
  return { number, at: iso(number * 1_000), upMs: number * 1_000, spanMs: 1_000, ...counts };
}

function changeOf(number: number): LaneChange {
  const change = { kind: "breaker", from: "closed", to: "open", cause: "500" } as const;
  return { number, at: iso(number), upMs: number, processor: "default", ...change };
}

function callOf(accept: string, query: string): Call {
  return {
    path: "/dashboard/live",
    open: "",
    query: new URLSearchParams(query),
    request: new Request("http://worker/dashboard/live", { headers: { accept } }),
    body: "",
    keepOpen() {},
  };
}

/** Reads the snapshots of a stream, as they come. */
async function* eventsOf(response: Response): AsyncGenerator<LiveSnapshot> {
  let text = "";
  for await (const bytes of response.body as ReadableStream<Uint8Array<ArrayBuffer>>) {
    text += new TextDecoder().decode(bytes);
    const messages = text.split("\n\n");
    text = messages.pop() as string;
    for (const message of messages) {
      const data = /^event: live\ndata: (.*)$/.exec(message)?.[1];
      if (data !== undefined) yield JSON.parse(data) as LiveSnapshot;
    }
  }
}

async function take(response: Response, count: number): Promise<LiveSnapshot[]> {
  const taken: LiveSnapshot[] = [];
  for await (const event of eventsOf(response)) if (taken.push(event) === count) break;
  return taken;
}

const numbers = (rows: readonly { number: number }[]) => rows.map(({ number }) => number);

test("one answer holds everything that is kept, as JSON", async () => {
  const watched = new Watched(1_000);
  for (const response of [await watched.open("application/json"), await watched.open("", "once")]) {
    expect(response.headers.get("content-type")).toBe("application/json");
    const snapshot = (await response.json()) as LiveSnapshot;
    expect(snapshot.lanes[0]).toMatchObject({
      name: "default",
      settled: { count: 3, cents: 5970 },
    });
    expect(numbers(snapshot.seconds)).toEqual([1]);
  }
  // The pipeline is asked once a period, however often the figures are wanted.
  expect(watched.questions).toEqual([{ afterSecond: 0, afterChange: 0 }]);
});

test("a stream begins with everything and goes on with what is new", async () => {
  const watched = new Watched();
  await watched.once();
  await Bun.sleep(6);
  await watched.once();
  const events = await take(await watched.open(), 4);
  expect(numbers(events[0]!.seconds)).toEqual(expect.arrayContaining([1, 2]));
  const seen = new Set(events.flatMap(({ seconds }) => numbers(seconds)));
  expect([...seen].sort((a, b) => a - b)).toEqual([...seen].map((_, i) => i + 1));
  expect(events[2]!.seconds).toHaveLength(1);
  watched.feed.end();
});

test("nothing is lost to streams when somebody asks once in between", async () => {
  const watched = new Watched();
  const [first, second] = await Promise.all([watched.open(), watched.open()]);
  const reading = take(first, 8);
  for (let n = 0; n < 10; n++) {
    await watched.once();
    await Bun.sleep(2);
  }
  const seen = new Set((await reading).flatMap(({ seconds }) => numbers(seconds)));
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from(seen, (_, i) => i + 1));
  await second.body?.cancel();
  watched.feed.end();
});

test("the pipeline is asked as often for fifty as for one, and not at all for nobody", async () => {
  const watched = new Watched(PERIOD_MS);
  const startMs = performance.now();
  const streams = await Promise.all(Array.from({ length: 50 }, () => watched.open()));
  await Promise.all(streams.map((stream) => take(stream, 3)));
  const asked = watched.questions.length;
  const periods = (performance.now() - startMs) / PERIOD_MS;
  expect(asked).toBeLessThanOrEqual(periods + 1);
  await Bun.sleep(3 * PERIOD_MS);
  expect(watched.questions.length).toBe(asked);
});

test("so many streams and no more", async () => {
  const watched = new Watched(1_000);
  const open: Response[] = [];
  for (let n = 0; n < STREAMS_MAX; n++) open.push(await watched.open());
  expect(open.every(({ status }) => status === 200)).toBe(true);
  const refused = await watched.open();
  expect(refused.status).toBe(503);
  expect(await refused.text()).toContain("200 dashboards are open");
  await open[0]!.body?.cancel();
  expect((await watched.open()).status).toBe(200);
  watched.feed.end();
});

test("a reader that does not read is let go", async () => {
  const watched = new Watched();
  watched.padding = "x".repeat(200_000);
  const silent = await watched.open();
  await take(await watched.open(), 20);
  const left = await Array.fromAsync(eventsOf(silent));
  expect(left.length).toBeLessThan(5);
  watched.feed.end();
});

test("an end ends every stream and lets none begin", async () => {
  const watched = new Watched();
  const all = Array.fromAsync(eventsOf(await watched.open()));
  watched.feed.end();
  expect((await all).length).toBeLessThan(3);
  expect((await watched.open()).status).toBe(503);
});

test("every reading is told to the history, and its incidents come with every answer", async () => {
  const watched = new Watched(0);
  await watched.feed.look();
  expect(numbers(watched.minutes)).toEqual([1]);
  watched.incidents = [{ incident: "breaker-open" } as ToldIncident];
  const told = await watched.once();
  expect(numbers(watched.minutes)).toEqual([1, 2]);
  expect(told).toMatchObject({ incidents: [{ incident: "breaker-open" }] });
  expect(told).not.toHaveProperty("minutes");
  watched.standstill = "the pipeline has stood still for 3 s";
  watched.incidents = [{ incident: "pipeline-still" } as ToldIncident];
  expect((await watched.once()).incidents).toMatchObject([{ incident: "pipeline-still" }]);
});

test("HEAD opens nothing", async () => {
  const watched = new Watched();
  const call = callOf("text/event-stream", "");
  const request = { headers: call.request.headers, method: "HEAD" };
  const response = await watched.feed.answer({ ...call, request });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(watched.questions).toEqual([]);
});

test("of a pipeline that stands still everybody is told so, with what was known last", async () => {
  const watched = new Watched();
  const events = eventsOf(await watched.open());
  expect((await events.next()).value).toMatchObject({ notReady: null });
  watched.standstill = "the pipeline has stood still for 3 s";
  const asked = watched.questions.length;
  let told: LiveSnapshot;
  do told = (await events.next()).value as LiveSnapshot;
  while (told.notReady === null);
  expect(told).toMatchObject({ notReady: watched.standstill, lanes: [{ settled: { count: 3 } }] });
  expect(watched.questions.length).toBe(asked);
  watched.feed.end();
});

test("one that nobody has seen moving is told without figures", async () => {
  const watched = new Watched();
  watched.standstill = "the pipeline has stood still for 3 s";
  const response = await watched.open("application/json");
  expect([response.status, await response.text()]).toEqual([
    503,
    expect.stringContaining("has stood still for 3 s"),
  ]);
});

test("the history is told while the journal does not answer, and the pipeline is asked once for both", async () => {
  const watched = new Watched(60_000);
  const answers = Promise.withResolvers<Awaited<Watched["settled"]>>();
  watched.settled = answers.promise;
  const figures = watched.once();
  await watched.feed.look();
  await watched.feed.look();
  expect(watched.minutes.map(({ number }) => number)).toEqual([1]);
  expect(watched.questions).toHaveLength(1);
  answers.resolve([]);
  expect((await figures).seconds.map(({ number }) => number)).toEqual([1]);
});
