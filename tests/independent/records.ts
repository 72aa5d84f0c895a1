/**
 * The independent processor's charges: a table in memory, with decimals and instants read by digits. They are given
 * back in another spelling than they came in, whenever JSON and ISO 8601 leave a choice.
 */
import { Database } from "bun:sqlite";
import type { Sum, Window } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";
import { pick } from "../../testing/random.ts";

export class Records implements Disposable {
  readonly #db = new Database(":memory:");
  readonly #add;
  readonly #find;

  constructor() {
    this.#db.run(`CREATE TABLE charges (
      correlationId TEXT PRIMARY KEY, amountCents INTEGER NOT NULL, requestedAtMs INTEGER NOT NULL)`);
    this.#add = this.#db.query<unknown, [string, number, number]>(
      "INSERT INTO charges VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#find = this.#db.query<Recorded, [string]>(
      "SELECT * FROM charges WHERE correlationId = ?",
    );
  }

  /** False when its id is recorded already: then nothing has changed. */
  add({ correlationId, amountCents, requestedAtMs }: Charge): boolean {
    return this.#add.run(correlationId, amountCents, requestedAtMs).changes === 1;
  }

  find(correlationId: string): Charge | null {
    return this.#find.get(correlationId) as Charge | null;
  }

  all(): Recorded[] {
    return this.#db.query<Recorded, []>("SELECT * FROM charges ORDER BY rowid").all();
  }

  /** Both ends of the window are in it. */
  sum(window: Window | null): Sum {
    const { fromMs, toMs } = window ?? { fromMs: -(2 ** 53), toMs: 2 ** 53 };
    return this.#db
      .query<Sum, [number, number]>(
        `SELECT count(*) AS count, coalesce(sum(amountCents), 0) AS cents FROM charges
         WHERE requestedAtMs BETWEEN ? AND ?`,
      )
      .get(fromMs, toMs) as Sum;
  }

  clear(): void {
    this.#db.run("DELETE FROM charges");
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

export type Charge = Recorded & { readonly requestedAtMs: number };

/** Reads the body of a charge; null when it is none. */
export function chargeIn(body: string): Charge | null {
  const id = /"correlationId"\s*:\s*"([0-9a-f-]{36})"/.exec(body)?.[1];
  const amount = /"amount"\s*:\s*(\d+)(?:\.(\d{1,2}))?\s*[,}]/.exec(body);
  const atMs = instantIn(/"requestedAt"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? "");
  if (id === undefined || amount === null || atMs === null) return null;
  const amountCents = Number(`${amount[1]}${(amount[2] ?? "").padEnd(2, "0")}`);
  return { correlationId: id, amountCents, requestedAtMs: atMs };
}

/** Milliseconds of an instant in UTC, to the millisecond; null when it is none. */
export function instantIn(text: string): number | null {
  const digits = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/.exec(text);
  if (digits === null) return null;
  const [year, month, day, hour, minute, second, ms] = digits.slice(1).map(Number) as Seven;
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

type Seven = [number, number, number, number, number, number, number];

/** A charge as JSON, spelled as its seed will have it. */
export function textOf(
  { correlationId, amountCents, requestedAtMs }: Charge,
  random: () => number,
): string {
  const cents = String(amountCents).padStart(3, "0");
  const decimal = `${cents.slice(0, -2)}.${cents.slice(-2)}`;
  const amount = pick(random, [decimal, String(amountCents / 100), `${amountCents}e-2`]);
  const fields = [
    `"correlationId": "${correlationId}"`,
    `"amount": ${amount}`,
    `"requestedAt": "${instantText(requestedAtMs, random)}"`,
    '"nonsense": [null, {"x": 1e400, "": "\\ud83d\\udc26"}]',
  ];
  return `{${random() < 0.5 ? fields.join(", ") : fields.toReversed().join(",\n")}}`;
}

function instantText(ms: number, random: () => number): string {
  const utc = new Date(ms).toISOString().slice(0, -1);
  const behind = new Date(ms - 3 * 3_600_000).toISOString().slice(0, -1);
  return pick(random, [`${utc}Z`, utc, `${utc}000Z`, `${utc}+00:00`, `${behind}-03:00`]);
}
