/**
 * Streams live figures to all who watch. The pipeline is asked once a second however many they are,
 * and its answer becomes one piece of bytes for every stream; while nobody watches it is asked only when
 * the history misses something.
 *
 * A reader that is slow is let go rather than buffered for; its browser comes back by itself. So does
 * every reader once an hour, so that no unended connection is kept for ever.
 */
import type {
  LaneChange,
  LiveSecond,
  LiveSnapshot,
  LiveTotals,
} from "../../shared/http-api/live.ts";
import type { Money } from "../../shared/http-api/money.ts";
import { unavailable } from "../../shared/problem.ts";
import type { ToldIncident } from "../../shared/http-api/incident.ts";
import { JournalUnreachable } from "../journal-reader.ts";
import { standingOf, type AuditedState } from "../standing.ts";
import { CHANGES_KEPT, SECONDS_KEPT, type LiveQuestion, type LiveReading } from "../live.ts";
import { json, type Call } from "./route.ts";
import { TOO_LATE, within } from "./within.ts";

const PERIOD_MS = 1_000;
const ANSWER_MS_MAX = 3_000;
/** Time for fees to be added up before the figures go without the newest. */
const MONEY_MS_MAX = 100;
/** Most streams at a time; an API has a limit of its own below it. */
export const STREAMS_MAX = 200;
export const STREAM_MS_MAX = 60 * 60 * 1_000;
/** Most bytes that a slow reader leaves unread; a first event holds 50 KB or so. */
const UNREAD_BYTES_MAX = 512 * 1024;
export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Some proxies would collect a response before they hand it on.
  "x-accel-buffering": "no",
};

export type LiveSources = {
  readonly ask: (question: LiveQuestion) => Promise<LiveReading>;
  /** Totals of all that is settled, by the processor's name. */
  readonly settled: () => Promise<ReadonlyMap<string, LiveTotals>>;
  /** Fees of all that is settled. */
  readonly money: () => Promise<Money>;
  readonly notReady: () => string | null;
  /** Reason for which the pipeline is not even asked, or null. */
  readonly standstill: () => string | null;
  /** The reason why the journal's file cannot be built on, or null. */
  readonly damage: () => string | null;
  readonly audited: () => readonly AuditedState[];
  readonly history: {
    take(reading: LiveReading): void;
    newest(): readonly ToldIncident[];
  };
  readonly periodMs?: number;
};

export class LiveFeed {
  readonly #sources: LiveSources;
  readonly #periodMs: number;
  readonly #streams = new Set<Stream>();
  readonly #encoder = new TextEncoder();
  /** Newest seconds since the start of the worker; `#changes` are those of the lanes. */
  readonly #seconds: LiveSecond[] = [];
  readonly #changes: LaneChange[] = [];
  #timer: Timer | null = null;
  #latest: { readonly snapshot: LiveSnapshot; readonly atMs: number } | null = null;
  #asking: Promise<LiveSnapshot | null> | null = null;
  #taking: Promise<LiveReading | null> | null = null;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  /** Newest second and change that every stream has been told. */
  #told = { second: 0, change: 0 };
  #beating = false;
  #ended = false;
  #adding: Promise<Money | null> | null = null;
  #added: Money | null = null;

  constructor(sources: LiveSources) {
    this.#sources = sources;
    this.#periodMs = sources.periodMs ?? PERIOD_MS;
  }

  async answer({ request, query, keepOpen }: Call): Promise<Response> {
    const wantsStream = !query.has("once") && !prefersJson(request.headers.get("accept"));
    if (!wantsStream) return this.#once();
    if (this.#ended) return unavailable("The worker is shutting down.");
    if (this.#streams.size >= STREAMS_MAX) {
      return unavailable(`Already ${STREAMS_MAX} dashboards are open.`);
    }
    if (request.method === "HEAD") return new Response(null, { headers: STREAM_HEADERS });
    keepOpen();
    return this.#open();
  }

  /** Has the history told of what is new, unless it was just now. The journal is not waited for. */
  async look(): Promise<void> {
    if (performance.now() - this.#takenAtMs >= this.#periodMs) await this.#take();
  }

  /** Ends every stream, and lets no new one begin. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#streams) stream.end();
    this.#stopWatching();
  }

  async #once(): Promise<Response> {
    const snapshot = await this.#fresh();
    if (snapshot === null) {
      return unavailable(this.#sources.standstill() ?? "The worker does not answer in time.");
    }
    const response = json(JSON.stringify(this.#whole(snapshot)));
    response.headers.set("cache-control", "no-store");
    return response;
  }

  #open(): Response {
    const stream = new Stream(() => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#stopWatching();
    });
    this.#streams.add(stream);
    stream.write(this.#encoder.encode("retry: 1000\n\n"));
    void this.#greet(stream);
    this.#timer ??= setInterval(() => void this.#beat(), this.#periodMs);
    return new Response(stream.readable, { headers: STREAM_HEADERS });
  }

  async #greet(stream: Stream): Promise<void> {
    const snapshot = await this.#fresh();
    if (snapshot !== null) stream.begin(this.#event(this.#whole(snapshot)));
  }

  async #beat(): Promise<void> {
    const endedAtMs = performance.now() - STREAM_MS_MAX;
    for (const stream of this.#streams) if (stream.openedAtMs < endedAtMs) stream.end();
    if (this.#beating) return;
    this.#beating = true;
    const snapshot = await this.#ask();
    this.#beating = false;
    // A reader that came meanwhile has had all of it, and recognises what it has by its number.
    const bytes =
      snapshot === null ? this.#encoder.encode(":\n\n") : this.#event(this.#news(snapshot));
    for (const stream of this.#streams) stream.write(bytes);
  }

  /** Gives a snapshot no older than a period, so that frequent readers cost the pipeline nothing. */
  async #fresh(): Promise<LiveSnapshot | null> {
    const latest = this.#latest;
    if (latest !== null && performance.now() - latest.atMs < this.#periodMs) return latest.snapshot;
    return this.#ask();
  }

  #ask(): Promise<LiveSnapshot | null> {
    this.#asking ??= this.#read().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Asks the pipeline, once at a time; null: it does not answer. */
  #take(): Promise<LiveReading | null> {
    this.#taking ??= this.#askPipeline().finally(() => {
      this.#taking = null;
    });
    return this.#taking;
  }

  async #askPipeline(): Promise<LiveReading | null> {
    if (this.#sources.standstill() !== null) return null;
    const afterSecond = this.#seconds.at(-1)?.number ?? 0;
    const afterChange = this.#changes.at(-1)?.number ?? 0;
    const reading = await within(ANSWER_MS_MAX, this.#sources.ask({ afterSecond, afterChange }));
    if (reading === TOO_LATE) return null;
    this.#takenAtMs = performance.now();
    this.#keep(reading);
    return reading;
  }

  async #read(): Promise<LiveSnapshot | null> {
    const reading = await this.#take();
    if (reading === null) return this.#asOfBefore();
    const settled = await this.#settled();
    if (settled === null) return this.#asOfBefore();
    const lanes = reading.lanes.map((lane) => {
      const totals = settled.get(lane.name) ?? { count: 0, cents: 0 };
      settled.delete(lane.name);
      return { ...lane, settled: totals };
    });
    const { minutes: _, incidents: __, news: ___, ...figures } = reading;
    const gone = [...settled]
      .filter(([, { count }]) => count > 0)
      .map(([name, { count, cents }]) => ({ name, count, cents }));
    const notReady = this.#sources.notReady();
    const money = await this.#money();
    const snapshot = this.#judged({ ...figures, notReady, lanes, money, gone });
    this.#latest = { snapshot, atMs: performance.now() };
    return snapshot;
  }

  /**
   * Gives the newest fees that are added up: the first time after a start that may take long, and without
   * the journal's rows they stay those of before.
   */
  async #money(): Promise<Money | null> {
    this.#adding ??= this.#sources
      .money()
      .then((money) => (this.#added = money))
      .catch(unlessUnreachable)
      .finally(() => (this.#adding = null));
    await within(MONEY_MS_MAX, this.#adding);
    return this.#added;
  }

  /** Null when the journal cannot be asked for rows that the sums need. */
  async #settled(): Promise<Map<string, LiveTotals> | null> {
    try {
      return new Map(await this.#sources.settled());
    } catch (error) {
      return unlessUnreachable(error);
    }
  }

  /** Gives what was known last, with the reason why there is nothing newer. */
  #asOfBefore(): LiveSnapshot | null {
    const notReady = this.#sources.notReady();
    if (this.#latest === null || notReady === null) return null;
    return this.#judged({ ...this.#latest.snapshot, notReady });
  }

  #judged(figures: Omit<LiveSnapshot, "standing" | "incidents">): LiveSnapshot {
    const { damage, audited, history } = this.#sources;
    const standing = standingOf({ ...figures, damage: damage(), audited: audited() });
    return { ...figures, standing, incidents: history.newest() };
  }

  #keep(reading: LiveReading): void {
    const { seconds, changes, lanes } = reading;
    this.#sources.history.take(reading);
    this.#seconds.push(...seconds);
    this.#seconds.splice(0, this.#seconds.length - SECONDS_KEPT);
    this.#changes.push(...changes);
    this.#changes.splice(0, this.#changes.length - CHANGES_KEPT * lanes.length);
  }

  #whole(snapshot: LiveSnapshot): LiveSnapshot {
    return { ...snapshot, seconds: this.#seconds, changes: this.#changes };
  }

  /** Selects what no stream has been told yet, whichever reader it was asked for. */
  #news(snapshot: LiveSnapshot): LiveSnapshot {
    const seconds = this.#seconds.filter(({ number }) => number > this.#told.second);
    const changes = this.#changes.filter(({ number }) => number > this.#told.change);
    this.#told = {
      second: this.#seconds.at(-1)?.number ?? 0,
      change: this.#changes.at(-1)?.number ?? 0,
    };
    return { ...snapshot, seconds, changes };
  }

  #event(snapshot: LiveSnapshot): Uint8Array {
    return this.#encoder.encode(`event: live\ndata: ${JSON.stringify(snapshot)}\n\n`);
  }

  #stopWatching(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Stream to a reader. Its first event holds everything. */
class Stream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly openedAtMs = performance.now();
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #begun = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.#finish(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: UNREAD_BYTES_MAX }),
    );
  }

  begin(first: Uint8Array): void {
    this.#begun = true;
    this.write(first);
  }

  write(bytes: Uint8Array): void {
    const isEvent = bytes[0] === EVENT;
    if (this.#controller === null || (isEvent && !this.#begun)) return;
    this.#controller.enqueue(bytes);
    if ((this.#controller.desiredSize ?? 0) <= 0) this.end();
  }

  end(): void {
    const controller = this.#controller;
    this.#finish();
    controller?.close();
  }

  #finish(): void {
    this.#controller = null;
    this.#onEnd();
  }
}

const EVENT = "e".charCodeAt(0);

function unlessUnreachable(error: unknown): null {
  if (error instanceof JournalUnreachable) return null;
  throw error;
}

function prefersJson(accept: string | null): boolean {
  return accept?.includes("application/json") === true && !accept.includes("text/event-stream");
}
