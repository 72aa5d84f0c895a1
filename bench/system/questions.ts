/** Asks questions over HTTP: at a steady pace while something else is measured, or one after the other. */
import { median, type Checks } from "../benchmark.ts";

export type Questions = {
  /** Stops asking, waits for answers under way, and checks that every one was as it must be. */
  end(checks: Checks): Promise<void>;
};

/** Calls `ask` with the question's number; it throws when the answer is wrong. */
export function askSteadily(perSecond: number, ask: (n: number) => Promise<void>): Questions {
  const startMs = performance.now();
  const wrong: string[] = [];
  const underWay = new Set<Promise<void>>();
  let asked = 0;
  // A beat that comes late asks for those that were missed, too.
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) / 1_000) * perSecond;
    while (asked < due) {
      const answered = ask(asked++)
        .catch((error: Error) => void wrong.push(error.message))
        .finally(() => underWay.delete(answered));
      underWay.add(answered);
    }
  }, 1_000 / perSecond);
  return {
    async end(checks) {
      clearInterval(timer);
      await Promise.all(underWay);
      checks.equal("whether anything was asked", asked > 0, true);
      checks.equal("questions that were answered wrongly", wrong, []);
    },
  };
}

/** Asks each so many times, by turns, so that all meet the same machine; gives the medians of the milliseconds. */
export async function mediansOf<Name extends string>(
  many: number,
  asks: Readonly<Record<Name, () => Promise<void>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(asks) as Name[];
  const spans = new Map(names.map((name) => [name, [] as number[]]));
  for (let n = 0; n < many; n++) {
    for (const [name, taken] of spans) {
      const startMs = performance.now();
      await asks[name]();
      taken.push(performance.now() - startMs);
    }
  }
  const medians = names.map((name) => [name, median(spans.get(name)!)] as const);
  return Object.fromEntries(medians) as Record<Name, number>;
}

/** A page of `GET /payments`, as far as it is compared. */
export type Page = {
  readonly payments: readonly { readonly correlationId: string; readonly amount: number }[];
  readonly next: string | null;
};

export async function jsonFrom<T = Record<string, unknown>>(url: string): Promise<T> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return (await answer.json()) as T;
}
