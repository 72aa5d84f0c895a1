/**
 * The contract of events over both journals: pages and streams tell all that ended once in a row, whatever
 * the limit and across restarts, and a cursor that does not hold any more says so.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { until } from "../../testing/until.ts";
import { KNOWN, PLACES } from "../events/endings.fixture.ts";
import { cursorOf } from "../event-position.ts";
import type { PositionedEnd } from "../events/endings.ts";
import { openEndings } from "../events/open-endings.ts";
import {
  assigned,
  AT_MS,
  failed,
  settle,
  temporaryDirectory,
  uuid,
} from "../journal/journal.fixture.ts";
import { stopPostgres } from "../journal/postgres/postgres.fixture.ts";
import { writeHistory } from "../journal/prune.fixture.ts";
import { planPrune, prune } from "../journal/prune.ts";
import { openDatabase } from "../journal/store.ts";
import { EVENT_STREAMS_MAX, EventFeed, type EventsParts } from "./events.ts";
import type { Call } from "./route.ts";
import { runHttp } from "./server.fixture.ts";

afterAll(stopPostgres);

const CERTAIN = { isInDoubt: () => false };

function call(query: string, headers: Record<string, string> = {}): Call {
  return {
    path: "/events",
    open: "",
    query: new URLSearchParams(query),
    request: { method: "GET", headers: new Headers(headers) },
    body: "",
    keepOpen() {},
  };
}

type Page = { readonly events: readonly { readonly id: string }[]; readonly next: string };

/** Asks for pages of a journal as it is now. */
function reader(journal: string) {
  const endings = openEndings(journal);
  const feed = new EventFeed({ endings, known: KNOWN, standstill: CERTAIN, beatMs: 10 });
  const ask = async (query: string, headers = {}): Promise<[status: number, answer: any]> => {
    const response = await feed.answer(call(query, headers));
    return [response.status, await response.json()];
  };
  return {
    feed,
    ask,
    async page(query = ""): Promise<Page> {
      const [status, page] = await ask(query);
      expect([status, page.detail]).toEqual([200, undefined]);
      return page;
    },
    /** All ids behind a cursor, a page at a time, until one has none. */
    async all(limit: number, after?: string): Promise<string[]> {
      const ids: string[] = [];
      for (let next = after; ;) {
        const page = await this.page(`limit=${limit}${next === undefined ? "" : `&after=${next}`}`);
        if (page.events.length === 0) return ids;
        expect(page.events.length).toBeLessThanOrEqual(limit);
        ids.push(...page.events.map(({ id }) => id));
        next = page.next;
      }
    },
    async stream(query = "", headers = {}) {
      const wanted = { accept: "text/event-stream", ...headers };
      const response = await feed.answer(call(query, wanted));
      expect(response.status).toBe(200);
      return told(response);
    },
    [Symbol.asyncDispose]: async () => {
      feed.end();
      await endings.close();
    },
  };
}

type Told = { readonly cursor: string; readonly event: { readonly id: string } };

/** Reads a stream's events, one after another; `comments` counts what shows that it lives. */
function told(response: Response) {
  const bytes = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return {
    comments: 0,
    /** Null at the end. */
    async next(): Promise<Told | null> {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end === -1) {
          const { done, value } = await bytes.read();
          if (done) return null;
          text += decoder.decode(value, { stream: true });
          continue;
        }
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (block === ":") this.comments++;
        const [, cursor, event] = /^id: (\S+)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined) return { cursor: cursor!, event: JSON.parse(event) };
      }
    },
    async ids(count: number): Promise<string[]> {
      const ids: string[] = [];
      while (ids.length < count) ids.push((await this.next())!.event.id);
      return ids;
    },
    leave: () => bytes.cancel(),
  };
}

const settled = (...numbers: number[]) => numbers.map((n) => `settled_${uuid(n)}`);
const SOME = [`rejected_${uuid(2)}`, `conflict_${uuid(1)}`, ...settled(3, 4, 5)];

/** Five payments that end in this order, as `SOME`. */
async function writeSome({ apply }: { apply: (...all: any[]) => Promise<unknown> }): Promise<void> {
  await apply(...[1, 2, 3, 4, 5].map((seq) => assigned(seq)));
  await apply(failed("unknown", 1), failed("reject", 2, 0, '400: "no"'));
  await apply(failed("conflict", 1, 0, "another amount"), settle(3, 0), settle(4, 1));
  await apply(settle(5, 2));
}

describe.each(PLACES)("events of a journal $name", ({ missing, make }) => {
  const given = test.skipIf(missing !== null);

  given("pages of any size tell all that ended, each once, and then what ends later", async () => {
    await using place = await make();
    await using opened = await place.open();
    await using events = reader(place.journal);
    const empty = await events.page();
    expect(empty.events).toEqual([]);
    await writeSome(opened);
    for (const limit of [1, 2, 3, 4, 5, 1_000]) expect(await events.all(limit)).toEqual(SOME);
    expect(await events.all(2, empty.next)).toEqual(SOME);
    const page = await events.page();
    expect(page.events[0]).toEqual({
      id: `rejected_${uuid(2)}`,
      type: "payment.rejected",
      timestamp: "2025-07-01T00:00:00.000Z",
      data: {
        correlationId: uuid(2),
        amount: 19.9,
        processor: "default",
        requestedAt: "2025-07-01T00:00:00.102Z",
        reason: '400: "no"',
      },
    } as object as Page["events"][number]);
    expect(page.events[4]).toMatchObject({ type: "payment.settled", data: { fee: 0.995 } });
    expect(await events.page(`after=${page.next}`)).toEqual({ events: [], next: page.next });
    await opened.apply(assigned(6), assigned(7));
    await opened.apply(settle(6, 3), failed("reject", 7));
    const later = [`rejected_${uuid(7)}`, ...settled(6)];
    expect(await events.all(1, page.next)).toEqual(later);
  });

  given("a cursor holds over a restart", async () => {
    await using place = await make();
    let next: string;
    {
      await using opened = await place.open();
      await using events = reader(place.journal);
      await writeSome(opened);
      ({ next } = await events.page("limit=3"));
    }
    await using opened = await place.open();
    await using events = reader(place.journal);
    await opened.apply(assigned(6));
    await opened.apply(settle(6, 3));
    expect(await events.all(10, next)).toEqual(settled(4, 5, 6));
  });

  given(
    "after a purge a cursor says that events may be forgotten; those that stay are told",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      await using events = reader(place.journal);
      const begin = (await events.page()).next;
      await writeSome(opened);
      const cursors = [begin, (await events.page("limit=3")).next, (await events.page()).next];
      await opened.apply(assigned(6), { kind: "purge", baseRow: 256, atMs: 7 });
      await opened.apply(settle(6, 256));
      for (const cursor of cursors) {
        const [status, { detail }] = await events.ask(`after=${cursor}`);
        expect([status, detail]).toEqual([410, expect.stringContaining("may be forgotten")]);
      }
      expect(await events.all(2)).toEqual([...SOME.slice(0, 2), ...settled(6)]);
    },
  );

  given("a stream is ended by a purge, and whoever comes back is told why", async () => {
    await using place = await make();
    await using opened = await place.open();
    await using events = reader(place.journal);
    await writeSome(opened);
    const stream = await events.stream();
    await stream.ids(4);
    const { cursor } = (await stream.next())!;
    await opened.apply({ kind: "purge", baseRow: 256, atMs: 7 });
    expect(await stream.next()).toBeNull();
    const headers = { accept: "text/event-stream", "last-event-id": cursor };
    expect((await events.ask("", headers))[0]).toBe(410);
  });

  given(
    "a cursor of a journal that went another way since a copy does not hold in it",
    async () => {
      await using lost = await make();
      await using copy = await make();
      await using before = await lost.open();
      await using after = await copy.open();
      await using fromLost = reader(lost.journal);
      await using fromCopy = reader(copy.journal);
      // Both have the same at first; then row 2 and attempt 2 are given to others.
      const both = [1, 2, 3, 4, 5, 6].map((seq) => assigned(seq));
      for (const { apply } of [before, after]) {
        await apply(...both);
        await apply(failed("reject", 1), settle(2, 0));
      }
      const { next: common } = await fromLost.page();
      await before.apply(settle(3, 1), settle(4, 2));
      const { next: ofRow } = await fromLost.page();
      await before.apply(failed("reject", 5));
      const { next: ofBoth } = await fromLost.page();
      const beyond = ofRow;
      for (const cursor of [beyond, ofBoth]) {
        expect((await fromCopy.ask(`after=${cursor}`))[0]).toBe(410);
      }
      await after.apply(settle(3, 1), settle(5, 2), failed("reject", 4));
      for (const cursor of [ofRow, ofBoth]) {
        const [status, { detail }] = await fromCopy.ask(`after=${cursor}`);
        expect([status, detail]).toEqual([410, expect.stringContaining("another journal")]);
      }
      expect(await fromCopy.all(10, common)).toEqual([`rejected_${uuid(4)}`, ...settled(3, 5)]);
    },
  );

  given("a stream tells what is there and what comes, and goes on from any id", async () => {
    await using place = await make();
    await using opened = await place.open();
    await using events = reader(place.journal);
    await writeSome(opened);
    const stream = await events.stream();
    const seen: Told[] = [];
    while (seen.length < SOME.length) seen.push((await stream.next())!);
    expect(seen.map(({ event }) => event.id)).toEqual(SOME);
    await opened.apply(assigned(6));
    await opened.apply(settle(6, 3));
    expect(await stream.ids(1)).toEqual(settled(6));
    await stream.leave();
    for (const [i, { cursor }] of seen.entries()) {
      const rest = [...SOME.slice(i + 1), ...settled(6)];
      // The address of before still has the first cursor.
      const resumed = await events.stream(`after=${seen[0]!.cursor}`, { "last-event-id": cursor });
      expect(await resumed.ids(rest.length)).toEqual(rest);
      await resumed.leave();
      expect(await events.all(2, cursor)).toEqual(rest);
    }
  });
});

test("a prune leaves cursors that have what is kept, and says so to those before", async () => {
  using folder = temporaryDirectory();
  const path = folder.file("payments.db");
  writeHistory(path, 768);
  const cursors = new Map<number, string>();
  {
    await using events = reader(path);
    for (const count of [100, 511, 512, 600, 768]) {
      cursors.set(count, (await events.page(`limit=${count}`)).next);
    }
  }
  const db = openDatabase(path, "off");
  const plan = planPrune(db, AT_MS + 100 + 520);
  expect(plan.endRow).toBe(512);
  for (const _ of prune(db, plan));
  db.close();
  await using events = reader(path);
  const statusAt = async (count: number) => (await events.ask(`after=${cursors.get(count)}`))[0];
  expect([await statusAt(100), await statusAt(511)]).toEqual([410, 410]);
  expect(await events.all(1_000, cursors.get(600))).toEqual(settled(...range(601, 768)));
  expect(await events.all(100, cursors.get(768))).toEqual([]);
  expect(await events.all(1_000)).toEqual(settled(...range(513, 768)));
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Endings without end: each read gives as many as it is asked for. */
function endless(): EventsParts["endings"] & { reads: number } {
  return {
    reads: 0,
    begin: async () => cursorOf({ attempt: 0, row: -1 }),
    async marks(cursor) {
      const rowOf = cursor.endsWith(".-1") ? null : uuid(Number(cursor.split(".")[1]) + 1);
      return new Map([[0, { attemptOf: null, rowOf, baseRow: 0 }]]);
    },
    async after(cursor, limit) {
      this.reads++;
      const row = Number(cursor.split(".")[1]);
      return Array.from({ length: limit }, (_, i): PositionedEnd => {
        const nth = row + 1 + i;
        const ended = {
          correlationId: uuid(nth + 1),
          state: "settled" as const,
          amountCents: 1,
          processor: 0,
          requestedAtMs: null,
          endedAtMs: 0,
          reference: null,
          reason: "x".repeat(10_000),
          code: null,
        };
        return { ended, cursor: cursorOf({ attempt: 0, row: nth }) };
      });
    },
  };
}

test("a reader that takes nothing has the journal read no further", async () => {
  const endings = endless();
  await using http = runHttp({ endings });
  const socket = connect(http.server.port, "127.0.0.1");
  socket.pause();
  socket.write("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n");
  let before = -1;
  await until("it reads no more", async () => {
    const isStill = endings.reads === before && before > 0;
    before = endings.reads;
    if (!isStill) await Bun.sleep(300);
    return isStill;
  });
  // A megabyte each: what stands in buffers of the kernel and of the server is some of them.
  expect(endings.reads).toBeLessThan(30);
  socket.destroy();
});

test("streams are bounded in number, show that they live, and end with the server", async () => {
  const endings = { ...endless(), after: async () => [] };
  const feed = new EventFeed({ endings, known: KNOWN, standstill: CERTAIN, beatMs: 1 });
  const open = () => feed.answer(call("", { accept: "text/event-stream" }));
  const streams = await Promise.all(Array.from({ length: EVENT_STREAMS_MAX }, open));
  const refused = await open();
  expect([refused.status, await refused.text()]).toEqual([
    503,
    expect.stringContaining(`Already ${EVENT_STREAMS_MAX} streams`),
  ]);
  const first = told(streams[0]!);
  const ended = first.next();
  await until("it lives", () => first.comments > 2);
  // A reader that leaves makes room.
  await streams[1]!.body!.cancel();
  expect((await open()).status).toBe(200);
  feed.end();
  expect(await ended).toBeNull();
  expect((await open()).status).toBe(503);
});

test("a stream waits while the journal is in doubt, and goes on", async () => {
  let isInDoubt = false;
  const all = endless();
  let there = 1;
  const endings = {
    ...all,
    after: async (cursor: string) => (there-- > 0 ? all.after(cursor, 1) : []),
  };
  const standstill = { isInDoubt: () => isInDoubt };
  const feed = new EventFeed({ endings, known: KNOWN, standstill, beatMs: 1 });
  const stream = told(await feed.answer(call("", { accept: "text/event-stream" })));
  isInDoubt = true;
  expect(await stream.ids(1)).toEqual(settled(1));
  const next = stream.ids(1);
  there = 1;
  await until("it lives", () => stream.comments > 0);
  isInDoubt = false;
  expect(await next).toEqual(settled(2));
  feed.end();
});

test("what is no question of it is 400, with the sentence", async () => {
  const endings = { ...endless(), after: async () => [] };
  const feed = new EventFeed({ endings, known: KNOWN, standstill: CERTAIN });
  const ask = async (query: string, headers = {}) => {
    const response = await feed.answer(call(query, headers));
    const { detail } = (await response.json()) as { detail?: string };
    return [response.status, detail];
  };
  const limit = "limit is a whole number from 1 to 1000.";
  for (const wrong of ["0", "1001", "1000000", "", "-1", "1.5", "ten"]) {
    expect(await ask(`limit=${wrong}`)).toEqual([400, limit]);
  }
  expect((await ask("limit=1000"))[0]).toBe(200);
  expect(await ask("limit=1&limit=2")).toEqual([400, "limit is given more than once."]);
  const first = await feed.answer(call(""));
  const { next } = (await first.json()) as { next: string };
  const cut = [next.slice(1), next.slice(0, -1), `${next}=`, `${next} `, next.toUpperCase()];
  for (const wrong of ["", "1", "0.0", ...cut]) {
    expect(await ask(`after=${encodeURIComponent(wrong)}`)).toEqual([
      400,
      "after is no cursor of events.",
    ]);
  }
  const headers = { accept: "text/event-stream", "last-event-id": "7" };
  expect(await ask("", headers)).toEqual([400, "Last-Event-ID is no cursor of events."]);
});
