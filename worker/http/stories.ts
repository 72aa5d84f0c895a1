/**
 * Reads what an operator asks for: the open payments, and all that is known of one. The connection
 * cannot write, so that a long list costs nobody but its reader.
 */
import { iso } from "../../shared/clock.ts";
import { ATTEMPTS_KEPT } from "../../shared/attempts.ts";
import type { Ages, PublicStory } from "../../shared/http-api/dashboard.ts";
import { ORDERS, type Said, type Story } from "../../shared/http-api/operator.ts";
import type { PaymentStatus } from "../../shared/http-api/payments.ts";
import { openToRead } from "../format.ts";
import { PAYMENT_STATES, type PaymentState } from "../transitions.ts";
import { uuidFromHex } from "../uuid.ts";
import { statusFields, type Known, type PaymentRow } from "./payments.ts";

const SQL_ORDERS: Record<(typeof ORDERS)[number], string> = {
  age: "seq",
  amount: "amount_cents DESC, seq",
};
/** Payments behind one in a list: `?2` is its number, `?3` its cents. */
const SQL_BEHIND: typeof SQL_ORDERS = {
  age: "seq > ?2 AND ?3 IS NOT NULL",
  amount: "(amount_cents < ?3 OR (amount_cents = ?3 AND seq > ?2))",
};
/** Query of a list; a null state asks for everything that is not settled. */
export type ListQuery = {
  readonly state: PaymentState | null;
  readonly order: keyof typeof SQL_ORDERS;
  readonly limit: number;
  /** Id of the payment behind which the list begins, null for all of it. */
  readonly after: string | null;
};

export type Stories = Omit<ReturnType<typeof openStories>, "close">;

type ListRow = PaymentRow & { hex: string; attempts: number; reason: string | null };
type Attempt = { at_ms: number; processor: number; outcome: string; reason: string };
type SaidRow = { at_ms: number; who: string; action: string; why: string; evidence: string | null };

/** Story without its status. */
type Told = Omit<PublicStory, keyof PaymentStatus> | Omit<Story, keyof PaymentStatus>;

type Aged = { state: number; band: number; count: number; cents: number; oldest_ms: number };

/** Lower ends of the bands of age; each goes up to the next one. */
const AGE_BANDS_SECONDS = [1, 10, 60] as const;
/** Most payments whose age is read: so many take some ten milliseconds. */
const AGED_MAX = 20_000;
const SETTLED = PAYMENT_STATES.indexOf("settled");

export function openStories(path: string, known: Known) {
  const { names } = known;
  const db = openToRead(path);
  const byId = db.query<PaymentRow & { seq: number }, [string]>(
    "SELECT * FROM payments WHERE id = unhex(?, '-')",
  );
  const some = "SELECT rowid AS number, * FROM attempts WHERE seq = ?1 ORDER BY rowid";
  const attempts = db.query<Attempt, [number]>(
    `SELECT * FROM (${some} LIMIT ${ATTEMPTS_KEPT.first})
     UNION SELECT * FROM (${some} DESC LIMIT ${ATTEMPTS_KEPT.last}) ORDER BY number`,
  );
  const attemptCount = db.query<{ count: number }, [number]>(
    `SELECT ${countOfAttempts("?1")} AS count`,
  );
  const said = "SELECT at_ms, who, action, why, evidence FROM interventions";
  const ofPayment = db.query<SaidRow, [number]>(`${said} WHERE seq = ? ORDER BY rowid`);
  const ofProcessor = db.query<SaidRow, [number]>(
    `${said} WHERE processor = ? ORDER BY rowid DESC LIMIT 1`,
  );
  const openAt = db.query<{ processor: number; count: number }, []>(
    `SELECT processor, count(*) AS count FROM payments
     WHERE state <> ${SETTLED} AND processor IS NOT NULL GROUP BY processor`,
  );
  const aged = db.query<Aged, [number, number, number]>(
    `SELECT state, (accepted_at_ms <= ?) + (accepted_at_ms <= ?) + (accepted_at_ms <= ?) AS band,
       count(*) AS count, sum(amount_cents) AS cents, min(accepted_at_ms) AS oldest_ms
     FROM (SELECT * FROM payments WHERE state <> ${SETTLED} ORDER BY seq LIMIT ${AGED_MAX})
     GROUP BY state, band ORDER BY state, band`,
  );
  return {
    /** Finds what the journal has under an id, or null. */
    find(correlationId: string): { seq: number; state: PaymentState } | null {
      const row = byId.get(correlationId);
      return row === null ? null : { seq: row.seq, state: stateOf(row) };
    },

    /** Lists payments as JSON; null when nobody knows the one behind which it is to begin. */
    list({ state, order, limit, after }: ListQuery, nowMs: number): string | null {
      // A payment has its place in the order also when it has been settled meanwhile.
      const before = after === null ? null : byId.get(after);
      if (after !== null && before === null) return null;
      const ofState = state === null ? "" : ` AND state = ${PAYMENT_STATES.indexOf(state)}`;
      const which = ofState + (before === null ? "" : ` AND ${SQL_BEHIND[order]}`);
      const place = before === null ? [] : [before.seq, before.amount_cents];
      const rows = db
        .query<ListRow, number[]>(
          `SELECT *, lower(hex(id)) AS hex,
             ${countOfAttempts("open.seq")} AS attempts,
             (SELECT reason FROM attempts WHERE attempts.seq = open.seq
              ORDER BY rowid DESC LIMIT 1) AS reason
           FROM (SELECT * FROM payments WHERE state <> ${SETTLED}${which}
                 ORDER BY ${SQL_ORDERS[order]} LIMIT ?1) AS open
           ORDER BY ${SQL_ORDERS[order]}`,
        )
        .all(limit + 1, ...place);
      const shown = rows.slice(0, limit).map((row) => {
        const ageSeconds = Math.max(0, Math.floor((nowMs - row.accepted_at_ms) / 1_000));
        const { attempts: count, reason: lastReason } = row;
        const more = JSON.stringify({ ageSeconds, attempts: count, lastReason }).slice(1);
        return `{${statusFields(uuidFromHex(row.hex), row, known)},${more}`;
      });
      return `{"payments":[${shown.join(",")}],"more":${rows.length > limit}}`;
    },

    /** Counts open payments by state and age, as JSON; only the oldest when there are very many. */
    ages(nowMs: number): string {
      const bands = AGE_BANDS_SECONDS.map((seconds) => nowMs - seconds * 1_000);
      const rows = aged.all(...(bands as [number, number, number]));
      const scanned = rows.reduce((sum, row) => sum + row.count, 0);
      const states = rows.map(({ state, band, count, cents, oldest_ms }) => {
        const fromSeconds = AGE_BANDS_SECONDS[band - 1] ?? 0;
        const name = PAYMENT_STATES[state] as PaymentState;
        return { state: name, fromSeconds, count, cents, oldest: iso(oldest_ms) };
      });
      const ages: Ages = { states, complete: scanned < AGED_MAX };
      return JSON.stringify(ages);
    },

    /** Tells what is known of a payment, as JSON; null when the id is unknown. */
    story(correlationId: string, reader: "operator" | "public"): string | null {
      // The transaction gives one state of the database for all of it.
      return db.transaction(() => {
        const row = byId.get(correlationId);
        if (row === null) return null;
        const told = attempts.all(row.seq);
        const story: Told = {
          attempts: told.map(({ at_ms, processor, outcome, reason }) => {
            return { at: iso(at_ms), processor: names[processor] as string, outcome, reason };
          }),
          attemptsLeftOut: (attemptCount.get(row.seq)?.count ?? told.length) - told.length,
          interventions: ofPayment.all(row.seq).map(reader === "operator" ? saidAt : doneAt),
        };
        return `{${statusFields(correlationId, row, known)},${JSON.stringify(story).slice(1)}`;
      })();
    },

    /** Counts payments that are not settled and belong to a processor, by its name. */
    openByProcessor(): Map<string, number> {
      return new Map(
        openAt.all().map(({ processor, count }) => [names[processor] as string, count]),
      );
    },

    /** Finds what an operator did to a processor last. */
    lastWord(processor: string) {
      const found = ofProcessor.get(names.indexOf(processor));
      return found === null ? null : saidAt(found);
    },

    close(): void {
      db.close();
    },
  };
}

/** Counts the attempts that were kept and those that were not. */
function countOfAttempts(seq: string): string {
  return `((SELECT count(*) FROM attempts WHERE attempts.seq = ${seq})
    + coalesce((SELECT count FROM attempts_left_out AS gone WHERE gone.seq = ${seq}), 0))`;
}

/** Tells what an operator did, without the person and the reason. */
function doneAt({ at_ms, action }: SaidRow) {
  return { at: iso(at_ms), action };
}

function saidAt({ at_ms, who, action, why, evidence }: SaidRow): Said {
  return { at: iso(at_ms), who, action, why, ...(evidence === null ? {} : { evidence }) };
}

function stateOf({ state }: PaymentRow): PaymentState {
  return PAYMENT_STATES[state] as PaymentState;
}
