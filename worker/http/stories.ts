/** Writes what an operator asks for as JSON: the open payments, and all that is known of one. */
import { iso } from "../../shared/clock.ts";
import type { Ages, PublicStory } from "../../shared/http-api/dashboard.ts";
import type { Said, Story } from "../../shared/http-api/operator.ts";
import type { PaymentStatus } from "../../shared/http-api/payments.ts";
import type { AgeBounds, JournalReader, ListQuery } from "../journal-reader.ts";
import type { Intervention } from "../transitions.ts";
import { statusFields } from "./payments.ts";
import type { Known } from "../tariffs.ts";

/** Story without its status. */
type Told = Omit<PublicStory, keyof PaymentStatus> | Omit<Story, keyof PaymentStatus>;

/** Lower ends of the bands of age; each goes up to the next one. */
const AGE_BANDS_SECONDS = [1, 10, 60] as const;
/** Most payments whose age is read: so many take some ten milliseconds. */
const AGED_MAX = 20_000;

/** Each rejects with `JournalUnreachable` when the journal cannot be asked. */
export class Stories {
  readonly #reader: JournalReader;
  readonly #known: Known;

  constructor(reader: JournalReader, known: Known) {
    this.#reader = reader;
    this.#known = known;
  }

  /** Lists payments as JSON; null when nobody knows the one behind which it is to begin. */
  async list(query: ListQuery, nowMs: number): Promise<string | null> {
    const { limit } = query;
    const found = await this.#reader.list({ ...query, limit: limit + 1 });
    if (found === null) return null;
    const shown = found.slice(0, limit).map((payment) => {
      const ageSeconds = Math.max(0, Math.floor((nowMs - payment.acceptedAtMs) / 1_000));
      const { attempts, reason: lastReason } = payment;
      const more = JSON.stringify({ ageSeconds, attempts, lastReason }).slice(1);
      return `{${statusFields(payment, this.#known)},${more}`;
    });
    return `{"payments":[${shown.join(",")}],"more":${found.length > limit}}`;
  }

  /** Counts open payments by state and age, as JSON; only the oldest when there are very many. */
  async ages(nowMs: number): Promise<string> {
    const bounds = AGE_BANDS_SECONDS.map((seconds) => nowMs - seconds * 1_000);
    const bands = await this.#reader.ages(bounds as unknown as AgeBounds, AGED_MAX);
    const scanned = bands.reduce((sum, { count }) => sum + count, 0);
    const states = bands.map(({ state, band, count, cents, oldestMs }) => {
      const fromSeconds = AGE_BANDS_SECONDS[band - 1] ?? 0;
      return { state, fromSeconds, count, cents, oldest: iso(oldestMs) };
    });
    const ages: Ages = { states, complete: scanned < AGED_MAX };
    return JSON.stringify(ages);
  }

  /** Tells what is known of a payment, as JSON; null when the id is unknown. */
  async story(correlationId: string, reader: "operator" | "public"): Promise<string | null> {
    const found = await this.#reader.story(correlationId);
    if (found === null) return null;
    const { payment, attempts, attemptsLeftOut, interventions } = found;
    const story: Told = {
      attempts: attempts.map(({ atMs, processor, outcome, reason }) => {
        return {
          at: iso(atMs),
          processor: this.#known.names[processor] as string,
          outcome,
          reason,
        };
      }),
      attemptsLeftOut,
      interventions: interventions.map(reader === "operator" ? saidAt : doneAt),
    };
    return `{${statusFields(payment, this.#known)},${JSON.stringify(story).slice(1)}`;
  }

  /** Counts payments that are not settled and belong to a processor, by its name. */
  async openByProcessor(): Promise<Map<string, number>> {
    const open = await this.#reader.openByProcessor();
    return new Map(
      [...open].map(([number, count]) => [this.#known.names[number] as string, count]),
    );
  }

  /** Finds what an operator did to a processor last. */
  async lastWord(processor: string): Promise<Said | null> {
    const found = await this.#reader.lastIntervention(this.#known.names.indexOf(processor));
    return found === null ? null : saidAt(found);
  }
}

/** Tells what an operator did, without the person and the reason. */
function doneAt({ atMs, action }: Intervention) {
  return { at: iso(atMs), action };
}

function saidAt({ atMs, who, action, why, evidence }: Intervention): Said {
  return { at: iso(atMs), who, action, why, ...(evidence === null ? {} : { evidence }) };
}
