/**
 * Feeds the history, whether somebody looks or not, and writes it down: within a few seconds of anything new, and
 * never while the journal's disk does not answer, which this thread must not wait for. The pipeline says by a number
 * in shared memory that there is something, and is not asked otherwise.
 */
import { recurring, type Clock } from "../../shared/clock.ts";
import type { Minute, ToldHistory } from "../../shared/http-api/history.ts";
import type { ToldIncident } from "../../shared/http-api/incident.ts";
import type { Incidents } from "../../shared/incidents.ts";
import { History, type NewsOfPipeline } from "./history.ts";
import type { HistoryFile } from "./history-file.ts";
import type { Standstill } from "./standstill.ts";
import { within } from "./within.ts";

const PERIOD_MS = 3_000;
/** Part of it by which a look may come sooner: the thread looks about every other second whether the pipeline moves. */
const SLACK = 0.5;
/** Time that the end of the worker waits for the last write. */
const LAST_MS_MAX = 500;
/** Incidents that come with live figures; the history has all of them. */
const TOLD_MAX = 20;

export type KeeperSources = {
  readonly clock: Clock;
  readonly left: ToldHistory | null;
  /** Null where there is none: the history ends with the process. */
  readonly file: Pick<HistoryFile, "write"> | null;
  /** The incidents of this thread. */
  readonly incidents: Pick<Incidents, "open" | "recent" | "begin" | "end" | "changes">;
  readonly standstill: Pick<Standstill, "untilFresh" | "news">;
};

export class HistoryKeeper {
  readonly #sources: KeeperSources;
  readonly #history: History;
  #look: () => Promise<unknown> = async () => {};
  #stopLooking = () => {};
  #beat: Promise<void> | null = null;
  #written = 0;
  /** News of the pipeline that were taken, and changes of this thread's incidents that were noted. */
  #taken = -1;
  #notedChanges = 0;
  #minuteWritten: Minute | undefined;

  constructor(sources: KeeperSources) {
    this.#sources = sources;
    this.#history = new History(sources.left ?? undefined);
  }

  /** Starts to look: `look` has the pipeline asked, unless it was just now, and its answer taken. */
  start(look: () => Promise<unknown>): void {
    this.#look = look;
    this.#stopLooking = recurring(PERIOD_MS, () => void this.beat(), SLACK);
  }

  take(news: NewsOfPipeline): void {
    this.#history.take(this.#sources.clock.wallMs(), news);
    this.#taken = news.news;
  }

  /** Has the pipeline asked, so that what is told next is of now. */
  async look(): Promise<void> {
    await this.#look();
  }

  newest(): readonly ToldIncident[] {
    return this.#history.incidents(this.#noted(), TOLD_MAX);
  }

  tell(): ToldHistory {
    return this.#history.tell(this.#noted());
  }

  /** Looks and writes, once at a time: a write that hangs holds up the next one alone. */
  beat(): Promise<void> {
    this.#beat ??= this.#lookAndWrite(false).finally(() => {
      this.#beat = null;
    });
    return this.#beat;
  }

  /** Writes the minute that goes on, too: nobody else has it afterwards. */
  async stop(): Promise<void> {
    this.#stopLooking();
    const last = async () => {
      await this.#beat;
      await this.#lookAndWrite(true);
    };
    await within(LAST_MS_MAX, last());
  }

  get #isAnythingNew(): boolean {
    const { file, incidents, standstill } = this.#sources;
    const isUnwritten = file !== null && this.#history.news !== this.#written;
    const isUnnoted = incidents.changes !== this.#notedChanges;
    return standstill.news() > this.#taken || isUnnoted || isUnwritten;
  }

  async #lookAndWrite(isLast: boolean): Promise<void> {
    if (!isLast && !this.#isAnythingNew) return;
    await this.#look();
    const told = this.tell();
    const { news } = this.#history;
    const minute = told.minutes.at(-1);
    const isMinuteNew = isLast && !Bun.deepEquals(minute, this.#minuteWritten);
    if (news === this.#written && !isMinuteNew) return;
    const { file, incidents, standstill } = this.#sources;
    if (file === null) return;
    try {
      await standstill.untilFresh();
    } catch {
      return; // The pipeline is waited for, and that is said already.
    }
    try {
      await file.write(told);
      this.#written = news;
      this.#minuteWritten = minute;
      incidents.end("history-fails", null);
    } catch (error) {
      const { code = "it cannot be written" } = error as NodeJS.ErrnoException;
      incidents.begin("history-fails", null, { details: { reason: code } });
    }
  }

  /** Notes what is wrong in this thread, and gives the time. */
  #noted(): number {
    const { clock, incidents } = this.#sources;
    const nowMs = clock.wallMs();
    this.#notedChanges = incidents.changes;
    this.#history.note(nowMs, "http", [...incidents.recent(), ...incidents.open()]);
    return nowMs;
  }
}
