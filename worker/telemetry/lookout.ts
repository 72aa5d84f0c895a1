/**
 * The lookout finds incidents that no event tells of, by looking at counters now and then: a payment
 * costs it nothing.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Circumstances, Incidents } from "../../shared/incidents.ts";
import type { IncidentKind } from "../../shared/incidents/table.ts";
import { BACKLOG_NEAR } from "../limits.ts";

/** An API with another secret sends a probe a second. */
const FORGED_QUIET_MS = 3_000;
/** Share of the bound at which the backlog is near it, and at which it no longer is. */
const BACKLOG_HIGH = { begins: BACKLOG_NEAR, ends: 0.6 };
/** Mean time of a commit: 1 ms on a good disk, 20 ms on one that turns. */
const SLOW_COMMIT_MS = { begins: 50, ends: 25 };
/** Drops come in bursts; the kernel is asked every few seconds, and not while two of those bring none. */
const DROPS_QUIET_MS = 15_000;
/** A clock that is only slowed down loses less than this between two looks. */
const STEP_MS = 500;
const STEP_QUIET_MS = 10_000;

export type LookoutParts = {
  readonly clock: Clock;
  readonly incidents: Pick<Incidents, "tell" | "begin" | "end">;
  readonly pipeline: {
    readonly backlogMax: number;
    readonly payments: { readonly count: number };
    readonly verdicts: { readonly busy: number };
  };
  readonly journal: {
    readonly queued: number;
    readonly commitMs: number;
    readonly stats: { readonly commits: number };
  };
  readonly link: {
    readonly forged: ReadonlyMap<string, { readonly frames: number; readonly lastAtMs: number }>;
    kernelDrops(): Promise<number | null>;
  };
};

export class Lookout {
  readonly #parts: LookoutParts;
  readonly #refused = () => ({ refused: this.#parts.pipeline.verdicts.busy });
  readonly #frames = new Map<string, Burst>();
  readonly #drops = new Burst("datagrams", DROPS_QUIET_MS);
  readonly #steps = new Burst("steps", STEP_QUIET_MS);
  #isBacklogHigh = false;
  /** Payments turned away at the last look: those that filled it are part of what it costs. */
  #refusedBefore = 0;
  #isSlow = false;
  #commits = 0;
  #commitMs = 0;
  /** The wall clock before the steady one, at the last look. */
  #apartMs: number;
  #stepMs = 0;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
    this.#apartMs = this.#apartNowMs();
  }

  /** Called every second. */
  look(): void {
    const nowMs = this.#parts.clock.steadyMs();
    this.#lookAtClock(nowMs);
    this.#lookAtForged(nowMs);
    this.#lookAtBacklog();
  }

  /** Called every few seconds: these looks cost more, or judge more than a second. */
  async lookFurther(): Promise<void> {
    this.#lookAtCommits();
    const { clock, incidents, link } = this.#parts;
    const dropped = await link.kernelDrops().catch(() => null); // Without descriptors, nobody knows.
    if (dropped !== null) this.#drops.note(clock.steadyMs(), dropped);
    this.#drops.tell(incidents, clock.steadyMs(), "receive-buffer");
  }

  #lookAtClock(nowMs: number): void {
    const apartMs = this.#apartNowMs();
    const stepMs = Math.round(apartMs - this.#apartMs);
    this.#apartMs = apartMs;
    if (!this.#steps.isOn(nowMs)) this.#stepMs = 0;
    if (Math.abs(stepMs) >= STEP_MS) {
      this.#stepMs += stepMs;
      this.#steps.note(nowMs, this.#steps.total + 1);
    }
    const details = { stepMs: this.#stepMs };
    this.#steps.tell(this.#parts.incidents, nowMs, "clock-stepped", null, details);
  }

  #lookAtForged(nowMs: number): void {
    for (const [address, { frames, lastAtMs }] of this.#parts.link.forged) {
      const burst = this.#frames.get(address) ?? new Burst("frames", FORGED_QUIET_MS);
      this.#frames.set(address, burst);
      burst.note(lastAtMs, frames);
      burst.tell(this.#parts.incidents, nowMs, "link-secret", address);
    }
  }

  #lookAtBacklog(): void {
    const { incidents, pipeline } = this.#parts;
    const { count: open } = pipeline.payments;
    const share = this.#isBacklogHigh ? BACKLOG_HIGH.ends : BACKLOG_HIGH.begins;
    this.#isBacklogHigh = open >= share * pipeline.backlogMax;
    const details = { open, bound: pipeline.backlogMax };
    const from = { refused: this.#refusedBefore };
    const now = this.#isBacklogHigh ? { details, counts: this.#refused, from } : null;
    incidents.tell("backlog-high", null, now);
    this.#refusedBefore = pipeline.verdicts.busy;
  }

  #lookAtCommits(): void {
    const { incidents, journal } = this.#parts;
    const commits = journal.stats.commits - this.#commits;
    const meanMs = commits === 0 ? 0 : (journal.commitMs - this.#commitMs) / commits;
    this.#commits = journal.stats.commits;
    this.#commitMs = journal.commitMs;
    this.#isSlow = meanMs >= (this.#isSlow ? SLOW_COMMIT_MS.ends : SLOW_COMMIT_MS.begins);
    const details = { meanMs: Math.round(meanMs), queued: journal.queued };
    const now = this.#isSlow ? { details, counts: this.#refused } : null;
    incidents.tell("journal-slow", null, now);
  }

  #apartNowMs(): number {
    const { clock } = this.#parts;
    return clock.wallMs() - clock.steadyMs();
  }
}

/** A counter that rises now and then; what it rises by until it has been quiet for a while is one burst. */
class Burst {
  total = 0;
  readonly #what: string;
  readonly #quietMs: number;
  #before = 0;
  #roseAtMs = Number.NEGATIVE_INFINITY;

  constructor(what: string, quietMs: number) {
    this.#what = what;
    this.#quietMs = quietMs;
  }

  note(nowMs: number, total: number): void {
    if (total <= this.total) return;
    if (!this.isOn(nowMs)) this.#before = this.total;
    this.total = total;
    this.#roseAtMs = nowMs;
  }

  isOn(nowMs: number): boolean {
    return nowMs - this.#roseAtMs < this.#quietMs;
  }

  tell(
    incidents: Pick<Incidents, "begin" | "end">,
    nowMs: number,
    kind: IncidentKind,
    subject: string | null = null,
    details: Circumstances["details"] = {},
  ): void {
    if (!this.isOn(nowMs)) return incidents.end(kind, subject, this.#roseAtMs);
    const counts = () => ({ [this.#what]: this.total });
    incidents.begin(kind, subject, { details, counts, from: { [this.#what]: this.#before } });
  }
}
