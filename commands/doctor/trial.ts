/**
 * Tries a processor for its promises (docs/PROCESSORS.md, P1 to P6) with charges that are real: one that is
 * repeated, also with another amount and after a while; one that is sent twice at the same moment; and two that
 * nobody can take, one without a body and one of nothing. It makes them with the worker's own client, one id each,
 * and reads what it can afterwards. It knows no journal: its payments are in nobody's books but the processor's.
 *
 * It never sends an id again after the time for which the processor promises to know it. What has been
 * seen is judged in promises.ts.
 */
import { HttpBooks, NoAnswer } from "../../worker/audit/theirs.ts";
import {
  headersOf,
  HttpProcessor,
  type Charge,
  type ChargeOutcome,
} from "../../worker/processor.ts";
import type {
  Adapter,
  HealthReading,
  LookOutcome,
  Totals,
} from "../../worker/processor/adapters/adapter.ts";
import { adapterOf } from "../../worker/processor/adapters/kinds.ts";
import { exchangeTo, type Exchange } from "../../worker/processor/exchange.ts";
import type { ProcessorSetting } from "../../worker/settings.ts";

export type Said = { readonly status: number; readonly body: string | null };
export type Tried = {
  readonly charge: Charge;
  readonly outcome: ChargeOutcome;
  readonly said: Said | null;
};
/** A charge that surely was not recorded, by its answer, and what the processor says of it afterwards. */
export type Refused = Tried & Shown & { readonly what: string };

/** All that a processor shows of an id. */
export type Shown = {
  /** Null when it cannot be asked. */
  readonly look: LookOutcome | null;
  /** Increase of its totals since before the trial, or the reason why they cannot tell. */
  readonly totals: Totals | NoAnswer;
};

export type Repeats = {
  readonly again: Tried;
  readonly otherAmount: Tried;
  readonly atOnce: readonly [Tried, Tried];
  /** The first charge as it shows it, and the one that was sent twice at once. */
  readonly soon: readonly [Shown, Shown];
  /** The first charge again, later; null when its time was over by then. */
  readonly later: { readonly tried: Tried; readonly afterMs: number } | null;
  readonly late: readonly [Shown, Shown];
};

export type Trial = {
  readonly adapter: Adapter;
  readonly health: { readonly reading: HealthReading | null; readonly said: Said | null } | null;
  /** Attempts at the first charge; the last one was taken, or all failed. */
  readonly first: readonly Tried[];
  /** Look for the first charge, right after it was taken. */
  readonly seenAtFirst: LookOutcome | null;
  /** Look for an id that nobody has sent. */
  readonly stranger: LookOutcome | null;
  readonly unclear: readonly (Tried & { readonly what: string })[];
  readonly refused: readonly Refused[];
  /** Null when the first charge was not taken. */
  readonly repeats: Repeats | null;
};

export type Plan = {
  readonly amountCents: number;
  readonly source?: string;
  readonly timeoutMs: number;
  /** Longest wait for a look that says that it does not know yet. */
  readonly lookMsMax: number;
  /** Pause before the first charge is sent once more. */
  readonly laterMs: number;
};

/** A processor that remembers for no longer is tried just before the end of that time. */
export const AWAITED_MS_MAX = 60_000;
/** The part of that time after which it is. */
const NEAR_THE_END = 0.9;
const ATTEMPTS = 3;
const AGAIN_MS = 200;
const ASK_MS = 500;
const HEALTH_MS_MAX = 7_000;
const NO_TOTALS = new NoAnswer("it describes no totals", true);
const NO_TOKEN = new NoAnswer("no audit-token is configured", false);

/** Rejects with a sentence when its kind cannot be used. */
export async function tryProcessor(setting: ProcessorSetting, plan: Plan): Promise<Trial> {
  return new Trier(setting, plan, await adapterOf(setting)).run();
}

export function isTaken({ outcome }: Pick<Tried, "outcome">): boolean {
  return outcome.kind === "accepted" || outcome.kind === "exists";
}

class Trier {
  readonly #plan: Plan;
  readonly #adapter: Adapter;
  readonly #url: string;
  readonly #exchange: Exchange;
  readonly #client: HttpProcessor;
  readonly #books: HttpBooks | NoAnswer;
  readonly #nowMs = Date.now();
  readonly #before = new Map<number, Totals | NoAnswer>();
  #silent = false;
  #charges = 0;

  constructor(setting: ProcessorSetting, plan: Plan, adapter: Adapter) {
    const { url, kind, auditToken } = setting;
    const headers = headersOf(adapter, setting);
    this.#plan = plan;
    this.#adapter = adapter;
    this.#url = url;
    this.#exchange = exchangeTo(url, { headers });
    this.#client = new HttpProcessor(url, plan.timeoutMs, this.#exchange, adapter);
    if (adapter.totals === undefined) this.#books = NO_TOTALS;
    else if (kind === "rinha" && auditToken === undefined) this.#books = NO_TOKEN;
    else this.#books = new HttpBooks(url, auditToken ?? "", adapter, headers);
  }

  async run(): Promise<Trial> {
    const health = await this.#health();
    const [one, two, bare, nothing, nobody] = Array.from({ length: 5 }, () => this.#payment());
    for (const { requestedAtMs } of [one!, two!, bare!, nothing!]) {
      this.#before.set(requestedAtMs, await this.#totals(requestedAtMs));
    }
    const refused: Refused[] = [];
    const unclear: (Tried & { readonly what: string })[] = [];
    const sentAtMs = performance.now();
    const first = await this.#untilTaken(one!, refused);
    const isFirstTaken = isTaken(first.at(-1) as Tried);
    const seenAtFirst = isFirstTaken ? await this.#look(one!, 0) : null;
    const sent = isFirstTaken ? await this.#repeat(one!, two!) : null;
    const stranger = await this.#look(nobody!, 0);
    const withoutBody: Adapter = {
      ...this.#adapter,
      charge: (payment) => ({ ...this.#adapter.charge(payment), body: "" }),
    };
    const tries = [
      ["a charge without a body", bare!, withoutBody],
      ["a charge of nothing", { ...nothing!, amountCents: 0 }, this.#adapter],
    ] as const;
    for (const [what, charge, adapter] of tries) {
      const tried = await this.#charge(charge, adapter);
      if (isRefusal(tried)) refused.push({ ...tried, what, ...(await this.#shown(charge, 0)) });
      else unclear.push({ ...tried, what });
    }
    const repeats = sent && { ...sent, ...(await this.#later(one!, two!, sentAtMs)) };
    const adapter = this.#adapter;
    return { adapter, health, first, seenAtFirst, stranger, unclear, refused, repeats };
  }

  async #untilTaken(charge: Charge, refused: Refused[]): Promise<Tried[]> {
    const tries: Tried[] = [];
    for (;;) {
      const tried = await this.#charge(charge);
      tries.push(tried);
      if (isTaken(tried)) return tries;
      if (isRefusal(tried)) {
        const shown = await this.#shown(charge, 0);
        refused.push({ ...tried, what: "a charge", ...shown });
        if (shown.look?.kind === "found" || tried.outcome.kind === "rejected") return tries;
      }
      if (tries.length === ATTEMPTS) return tries;
      const { outcome } = tried;
      await Bun.sleep((outcome.kind === "refused" && outcome.retryAfterMs) || AGAIN_MS);
    }
  }

  async #repeat(
    one: Charge,
    two: Charge,
  ): Promise<Pick<Repeats, "again" | "otherAmount" | "atOnce">> {
    const again = await this.#charge(one);
    const otherAmount = await this.#charge({ ...one, amountCents: one.amountCents + 1 });
    const atOnce = await Promise.all([this.#charge(two), this.#charge(two)]);
    return { again, otherAmount, atOnce };
  }

  async #later(
    one: Charge,
    two: Charge,
    sentAtMs: number,
  ): Promise<Pick<Repeats, "soon" | "later" | "late">> {
    const soon = await this.#shownNow(one, two);
    const { remembersForMs } = this.#adapter;
    const isAwaited = remembersForMs <= AWAITED_MS_MAX;
    const atMs = isAwaited
      ? sentAtMs + remembersForMs * NEAR_THE_END
      : performance.now() + this.#plan.laterMs;
    await Bun.sleep(Math.max(0, atMs - performance.now()));
    const afterMs = performance.now() - sentAtMs;
    if (afterMs >= remembersForMs) return { soon, later: null, late: soon };
    const later = { tried: await this.#charge(one), afterMs };
    return { soon, later, late: await this.#shownNow(one, two) };
  }

  /** Waits first for what may still be under way there. */
  async #shownNow(one: Charge, two: Charge): Promise<readonly [Shown, Shown]> {
    if (this.#silent) await Bun.sleep(this.#plan.timeoutMs);
    const shown = await this.#shown(one, this.#plan.lookMsMax);
    const patienceMs = shown.look?.kind === "unasked" ? 0 : this.#plan.lookMsMax;
    return [shown, await this.#shown(two, patienceMs)];
  }

  #payment(): Charge {
    const { amountCents, source } = this.#plan;
    // Each has an instant of its own, so that totals can tell one from the other.
    const requestedAtMs = this.#nowMs + this.#charges++;
    const correlationId = crypto.randomUUID();
    return { correlationId, amountCents, requestedAtMs, ...(source !== undefined && { source }) };
  }

  async #charge(charge: Charge, adapter = this.#adapter): Promise<Tried> {
    let said: Said | null = null;
    const listening: Exchange = async (request) => {
      const answer = await this.#exchange(request);
      said = answer;
      return answer;
    };
    const client = new HttpProcessor(this.#url, this.#plan.timeoutMs, listening, adapter);
    const outcome = await client.charge(charge);
    if (outcome.kind === "unknown" && outcome.silent === true) this.#silent = true;
    return { charge, outcome, said };
  }

  async #shown(charge: Charge, lookMsMax: number): Promise<Shown> {
    const look = await this.#look(charge, lookMsMax);
    const before = this.#before.get(charge.requestedAtMs)!;
    const now = await this.#totals(charge.requestedAtMs);
    return { look, totals: differenceOf(before, now) };
  }

  async #look(charge: Charge, msMax: number): Promise<LookOutcome | null> {
    if (this.#adapter.lookup === undefined) return null;
    const untilMs = performance.now() + msMax;
    for (;;) {
      const look = await this.#client.look(charge);
      if (look.kind !== "unasked" || performance.now() >= untilMs) return look;
      await Bun.sleep(ASK_MS);
    }
  }

  async #totals(atMs: number): Promise<Totals | NoAnswer> {
    if (this.#books instanceof NoAnswer) return this.#books;
    return this.#books.totals({ fromMs: atMs, toMs: atMs }).catch((error: Error) => {
      if (error instanceof NoAnswer) return error;
      throw error;
    });
  }

  async #health(): Promise<Trial["health"]> {
    const { health } = this.#adapter;
    if (health === undefined) return null;
    const { path, ...call } = health.call;
    const request = { ...call, url: this.#url + path, timeoutMs: HEALTH_MS_MAX };
    const said = await this.#exchange(request).catch(() => null);
    return { said, reading: said === null ? null : health.read(said) };
  }
}

/** An answer that surely means that nothing was recorded; without one nothing has been said. */
function isRefusal({ outcome, said }: Tried): boolean {
  return said !== null && (outcome.kind === "refused" || outcome.kind === "rejected");
}

function differenceOf(before: Totals | NoAnswer, now: Totals | NoAnswer): Totals | NoAnswer {
  if (before instanceof NoAnswer) return before;
  if (now instanceof NoAnswer) return now;
  return { count: now.count - before.count, cents: now.cents - before.cents };
}
