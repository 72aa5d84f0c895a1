/** Runs many shops at a time, each careful: a payment is repeated until there is a final answer. */
import type { Answer } from "../audit.ts";
import type { GatewayClient } from "../../../testing/gateway.ts";
import type { Submission } from "./plan.ts";

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 300;

export type LoadResult = {
  readonly answers: Answer[];
  /** Calls by status; `broken` is a call that got no answer. */
  readonly calls: Record<string, number>;
};

export type LoadOptions = {
  readonly gateway: Pick<GatewayClient, "pay">;
  readonly submissions: readonly Submission[];
  readonly shops: number;
  readonly random: () => number;
  /** Time after the last submission during which shops go on trying. */
  readonly patienceMs: number;
  /** Nothing new is submitted once it is aborted. */
  readonly over?: AbortSignal;
};

/** Starts every submission at its time, or as soon after as a shop is free. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { submissions, shops, over } = options;
  const startedAtMs = performance.now();
  const untilMs = startedAtMs + (submissions.at(-1)?.atMs ?? 0) + options.patienceMs;
  const answers: Answer[] = [];
  const calls: Record<string, number> = {};
  let next = 0;
  const isOver = () => next >= submissions.length || over?.aborted === true;
  const shop = async () => {
    while (!isOver()) {
      const submission = submissions[next++] as Submission;
      const waitMs = startedAtMs + submission.atMs - performance.now();
      if (waitMs > 1) await Bun.sleep(waitMs);
      answers.push(await submit(options, submission, untilMs, calls));
    }
  };
  await Promise.all(Array.from({ length: shops }, shop));
  return { answers, calls };
}

async function submit(
  { gateway, random }: LoadOptions,
  { correlationId, amountCents }: Submission,
  untilMs: number,
  calls: Record<string, number>,
): Promise<Answer> {
  do {
    const status = await gateway.pay(correlationId, amountCents);
    const counted = status ?? "broken";
    calls[counted] = (calls[counted] ?? 0) + 1;
    if (status === 202) return { correlationId, amountCents, outcome: "accepted" };
    if (status === 409) return { correlationId, amountCents, outcome: "conflict" };
    if (status !== null && status !== 503) {
      return { correlationId, amountCents, outcome: `status ${status}` };
    }
    await Bun.sleep(RETRY_MS_MIN + random() * (RETRY_MS_MAX - RETRY_MS_MIN));
  } while (performance.now() < untilMs);
  return { correlationId, amountCents, outcome: "none" };
}
