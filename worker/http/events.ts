/**
 * Tells what has ended to whoever asks: a page behind a cursor as JSON, or server-sent events that go on
 * from `Last-Event-ID`. Each is read from the journal, so that nothing is kept for a reader, and none
 * costs the pipeline anything.
 *
 * A stream reads its next events when its reader has taken those of before: a slow one has at most some
 * pages here. Once it has all, it waits for the beat, which asks the journal once for all streams that
 * stand at one place. A stream whose cursor does not hold any more is ended, and its reader told so when
 * it comes back; so is, once an hour, each of them, so that no unended connection is kept for ever.
 */
import { problem, unavailable } from "../../shared/problem.ts";
import type { Endings } from "../events/endings.ts";
import { eventOf } from "../events/event.ts";
import { JournalUnreachable } from "../journal-reader.ts";
import {
  eventCursorOf,
  firstPlace,
  placeBehind,
  readEventCursor,
  whyNotHeld,
  type EventPlace,
} from "./event-cursor.ts";
import { STREAM_HEADERS, STREAM_MS_MAX } from "./live.ts";
import { LIMIT_DEFAULT, parseLimit, repetition } from "./page-query.ts";
import { json, type Call } from "./route.ts";
import type { Standstill } from "./standstill.ts";
import type { Known } from "../tariffs.ts";

/** Most streams at a time; an API has a limit of its own below it. */
export const EVENT_STREAMS_MAX = 64;
/** Events that a stream reads at once. */
const READ_AT_ONCE = 100;
const BEAT_MS = 500;
/** Beats without an event until a reader is shown that the stream lives: proxies end what is silent. */
const SILENT_BEATS_MAX = 20;

export type EventsParts = {
  readonly endings: Pick<Endings, "after" | "begin" | "marks">;
  readonly known: Known;
  readonly standstill: Pick<Standstill, "isInDoubt">;
  readonly beatMs?: number;
};

type Told = { readonly id: string; readonly json: string; readonly place: EventPlace };
type Page = { readonly told: readonly Told[]; readonly place: EventPlace };

export class EventFeed {
  readonly #parts: EventsParts;
  readonly #streams = new Set<EventStream>();
  #timer: Timer | null = null;
  #isBeating = false;
  #hasEnded = false;

  constructor(parts: EventsParts) {
    this.#parts = parts;
  }

  async answer({ request, query, keepOpen }: Call): Promise<Response> {
    const { headers } = request;
    const repeated = repetition(query);
    if (repeated !== null) return problem(400, repeated);
    const limit = parseLimit(query.get("limit"), LIMIT_DEFAULT);
    if (typeof limit === "string") return problem(400, limit);
    const isStream = headers.get("accept")?.includes("text/event-stream") === true;
    // A browser comes back to the address of before, with the last id.
    const lastId = isStream ? headers.get("last-event-id") : null;
    const cursor = lastId ?? query.get("after");
    const place = cursor === null ? await this.#first() : readEventCursor(cursor);
    if (place === null) {
      return problem(400, `${lastId === null ? "after" : "Last-Event-ID"} is no cursor of events.`);
    }
    const page = await this.#page(place, isStream ? READ_AT_ONCE : limit);
    if (typeof page === "string") return problem(410, page);
    if (!isStream) return pageJson(page);
    if (this.#hasEnded) return unavailable("The worker is shutting down.");
    if (this.#streams.size >= EVENT_STREAMS_MAX) {
      return unavailable(`Already ${EVENT_STREAMS_MAX} streams of events are open.`);
    }
    if (request.method === "HEAD") return new Response(null, { headers: STREAM_HEADERS });
    keepOpen();
    return new Response(this.#open(page).readable, { headers: STREAM_HEADERS });
  }

  /** Ends every stream, and lets no new one begin. */
  end(): void {
    this.#hasEnded = true;
    for (const stream of this.#streams) stream.end();
  }

  #open(page: Page): EventStream {
    const read = (place: EventPlace) => this.#later(place);
    const stream = new EventStream(page, read, () => {
      this.#streams.delete(stream);
      if (this.#streams.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    });
    this.#streams.add(stream);
    this.#timer ??= setInterval(() => void this.#beat(), this.#parts.beatMs ?? BEAT_MS);
    return stream;
  }

  /** Asks for what is new, once for each place at which streams wait. */
  async #beat(): Promise<void> {
    const openedBeforeMs = performance.now() - STREAM_MS_MAX;
    for (const stream of this.#streams) if (stream.openedAtMs < openedBeforeMs) stream.end();
    if (this.#isBeating) return;
    this.#isBeating = true;
    const waiting = [...this.#streams].filter(({ isWaiting }) => isWaiting);
    const byPlace = Map.groupBy(waiting, ({ place }) => eventCursorOf(place));
    for (const streams of byPlace.values()) {
      const [{ place }] = streams as [EventStream];
      const page = await this.#later(place);
      for (const stream of streams) stream.take(page);
    }
    this.#isBeating = false;
  }

  /** An empty page while the journal is not to be asked: its reader has time. */
  async #later(place: EventPlace): Promise<Page | string> {
    const nothing = { told: [], place };
    if (this.#parts.standstill.isInDoubt()) return nothing;
    try {
      return await this.#page(place, READ_AT_ONCE);
    } catch (error) {
      return error instanceof JournalUnreachable ? nothing : (error as Error).message;
    }
  }

  async #first(): Promise<EventPlace> {
    return firstPlace(await this.#parts.endings.begin());
  }

  /** Reads what is behind a place, or says in one sentence why it does not hold. */
  async #page(from: EventPlace, limit: number): Promise<Page | string> {
    const { endings, known } = this.#parts;
    const found = await endings.after(from.position, limit);
    // A place that holds now held when it was read: rows that are forgotten never come back.
    const why = whyNotHeld(from, await endings.marks(from.position));
    if (why !== null) return why;
    let place = from;
    const told = found.map((one) => {
      place = placeBehind(place, one);
      const { id, body } = eventOf(one.ended, known);
      return { id, json: `{"id":"${id}",${body.slice(1)}`, place };
    });
    return { told, place };
  }
}

function pageJson({ told, place }: Page): Response {
  const events = told.map((one) => one.json).join(",");
  return json(`{"events":[${events}],"next":${JSON.stringify(eventCursorOf(place))}}`);
}

const ENCODER = new TextEncoder();

/** Stream to a reader, which takes a page when it has room for it. */
class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly openedAtMs = performance.now();
  readonly #read: (place: EventPlace) => Promise<Page | string>;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #place: EventPlace;
  /** Has what waits for a page go on. */
  #take: ((page: Page | string) => void) | null = null;

  constructor(first: Page, read: (place: EventPlace) => Promise<Page | string>, onEnd: () => void) {
    this.#read = read;
    this.#onEnd = onEnd;
    this.#place = first.place;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          controller.enqueue(ENCODER.encode(`retry: 1000\n\n${eventsText(first)}`));
        },
        pull: () => this.#pull(),
        cancel: () => this.#finish(),
      },
      { highWaterMark: 1 },
    );
  }

  get place(): EventPlace {
    return this.#place;
  }

  get isWaiting(): boolean {
    return this.#take !== null;
  }

  take(page: Page | string): void {
    this.#take?.(page);
    this.#take = null;
  }

  end(): void {
    const controller = this.#controller;
    this.#finish();
    controller?.close();
  }

  async #pull(): Promise<void> {
    let page = await this.#read(this.#place);
    for (let beats = 0; this.#controller !== null; beats++) {
      if (typeof page === "string") return this.end();
      const isSilent = page.told.length === 0;
      if (!isSilent || beats === SILENT_BEATS_MAX) {
        this.#place = page.place;
        return this.#controller.enqueue(ENCODER.encode(isSilent ? ":\n\n" : eventsText(page)));
      }
      const next = Promise.withResolvers<Page | string>();
      this.#take = next.resolve;
      page = await next.promise;
    }
  }

  #finish(): void {
    this.#controller = null;
    this.take("ended");
    this.#onEnd();
  }
}

function eventsText({ told }: Page): string {
  return told
    .map(({ json: data, place }) => `id: ${eventCursorOf(place)}\ndata: ${data}\n\n`)
    .join("");
}
