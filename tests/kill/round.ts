/** Draws one event a round from the seed, and carries it out on the processes. */
import type { Child } from "../../testing/process.ts";
import { integerFrom, pick } from "../../testing/random.ts";
import { drain } from "./drain.ts";
import { chargeOf, checkpointOf, firstWriteOf, untilSign, verdictOf } from "./sign.ts";
import type { HurtStack } from "./stack.ts";

/** The worker, and the two APIs. */
type Who = 0 | 1 | 2;

const SIGNS = { verdict: verdictOf, charge: chargeOf, checkpoint: checkpointOf };

export type Round = { readonly calmMs: number } & (
  | { readonly kind: "worker"; readonly downMs: number }
  /**
   * The worker is killed so long after it has sent a verdict, has sent a charge, or has begun a
   * checkpoint.
   */
  | { readonly kind: keyof typeof SIGNS; readonly downMs: number; readonly lateMs: number }
  | { readonly kind: "api"; readonly apis: readonly Who[]; readonly downMs: number }
  | { readonly kind: "both"; readonly apis: readonly Who[]; readonly downMs: number }
  /** The worker is killed again so long after its restart, or after the first thing that it writes. */
  | { readonly kind: "recovery"; readonly from: "start" | "write"; readonly againMs: number }
  | { readonly kind: "pause"; readonly who: Who; readonly ms: number }
  | { readonly kind: "drain"; readonly who: Who }
  /** `kill -9` so long after SIGTERM. */
  | { readonly kind: "drain-kill"; readonly who: Who; readonly afterMs: number }
);
export type RoundKind = Round["kind"];

export type RoundResult = {
  readonly kills: number;
  readonly text: string;
  /** Broken promises, a sentence each. */
  readonly complaints: readonly string[];
};

const KINDS: readonly RoundKind[] = [
  ...(["worker", "worker", "api", "both", "both", "recovery", "recovery"] as const),
  ...(["checkpoint", "checkpoint", "verdict", "verdict", "charge", "charge"] as const),
  ...(["pause", "pause", "drain", "drain-kill"] as const),
];
const DOWN_MS_MAX = 200;
const CALM_MS = { min: 100, max: 600 };
const PAUSE_MS = { min: 200, max: 3_000 };
/** Longer than every time-out and every memory of a connection. */
const LONG_PAUSE_MS = { min: 60_000, max: 65_000 };
const LONG_PAUSE_SHARE = 0.1;
const AGAIN_MS_MAX = { start: 300, write: 30 };
/** The range is less and more than a commit and a checkpoint take. */
const LATE_MS_MAX = 8;
const DRAIN_KILL_MS_MAX = 60;
/** The checkpointer works every 250 ms. */
const SIGN_MS_MAX = 1_000;

export function drawRound(random: () => number, withLongPauses: boolean): Round {
  if (withLongPauses && random() < LONG_PAUSE_SHARE) {
    const ms = integerFrom(random, LONG_PAUSE_MS.min, LONG_PAUSE_MS.max);
    return { kind: "pause", calmMs: 0, who: pick(random, [0, 0, 1] as const), ms };
  }
  const kind = pick(random, KINDS);
  const upTo = (max: number) => integerFrom(random, 0, max);
  const calmMs = integerFrom(random, CALM_MS.min, CALM_MS.max);
  const who = pick(random, [0, 0, 0, 1, 2] as const);
  switch (kind) {
    case "worker":
      return { kind, calmMs, downMs: upTo(DOWN_MS_MAX) };
    case "verdict":
    case "charge":
    case "checkpoint": {
      const lateMs = random() < 0.5 ? 0 : upTo(LATE_MS_MAX);
      return { kind, calmMs, downMs: upTo(DOWN_MS_MAX), lateMs };
    }
    case "api":
      return { kind, calmMs, apis: [pick(random, [1, 2] as const)], downMs: upTo(DOWN_MS_MAX) };
    case "both": {
      const apis = pick(random, [[1], [2], [1, 2]] as const);
      return { kind, calmMs, apis, downMs: upTo(DOWN_MS_MAX) };
    }
    case "recovery": {
      const from = pick(random, ["start", "write"] as const);
      return { kind, calmMs, from, againMs: upTo(AGAIN_MS_MAX[from]) };
    }
    case "pause": {
      // Short pauses come more often than long ones, from a blink to three acknowledgement
      // timeouts.
      const ms = PAUSE_MS.min + Math.round(random() ** 3 * (PAUSE_MS.max - PAUSE_MS.min));
      return { kind, calmMs, who, ms };
    }
    case "drain":
      return { kind, calmMs, who };
    case "drain-kill":
      return { kind, calmMs, who, afterMs: upTo(DRAIN_KILL_MS_MAX) };
  }
}

export async function runRound(stack: HurtStack, round: Round): Promise<RoundResult> {
  const { worker, services } = stack;
  const serviceOf = (who: Who) => services[who] as Child;
  const done = (kills: number, text: string, complaints: readonly string[] = []) => ({
    kills,
    text,
    complaints,
  });
  switch (round.kind) {
    case "worker":
      await worker.kill();
      return done(1, `kill worker; ${await back([worker], round.downMs)}`);
    case "verdict":
    case "charge":
    case "checkpoint": {
      const { kind, lateMs, downMs } = round;
      // The kill comes at the very sign, not when the waiting code gets to run.
      const atOnce = () => (lateMs === 0 ? void worker.kill() : undefined);
      const seen = await untilSign(SIGNS[kind](stack), SIGN_MS_MAX, atOnce);
      if (lateMs > 0) await Bun.sleep(lateMs);
      await worker.kill();
      const when = seen ? `${lateMs} ms after a ${kind}` : `no ${kind} was seen`;
      return done(1, `kill worker, ${when}; ${await back([worker], downMs)}`);
    }
    case "api":
    case "both": {
      const hit = [...(round.kind === "both" ? [worker] : []), ...round.apis.map(serviceOf)];
      await Promise.all(hit.map((service) => service.kill()));
      return done(hit.length, `kill ${namesOf(hit)}; ${await back(hit, round.downMs)}`);
    }
    case "recovery": {
      await worker.kill();
      const written = untilSign(firstWriteOf(stack), SIGN_MS_MAX);
      worker.start();
      const seen = round.from === "start" || (await written);
      await Bun.sleep(round.againMs);
      const wasReady = worker.isReady;
      await worker.kill();
      const after = round.from === "start" ? "its restart" : "its first write";
      const note = wasReady ? " (it was ready)" : seen ? "" : " (not seen)";
      const text = `kill worker, again ${round.againMs} ms after ${after}${note}`;
      return done(2, `${text}; ${await back([worker], 0)}`);
    }
    case "pause": {
      const service = serviceOf(round.who);
      service.signal("SIGSTOP");
      await Bun.sleep(round.ms);
      service.signal("SIGCONT");
      return done(0, `stop ${service.name} for ${round.ms} ms`);
    }
    case "drain": {
      const service = serviceOf(round.who);
      const { complaint, tookMs } = await drain(service);
      const text = `drain ${service.name}, ${tookMs.toFixed(0)} ms`;
      const again = await back([service], 0);
      return done(0, `${text}; ${again}`, complaint === null ? [] : [complaint]);
    }
    case "drain-kill": {
      const service = serviceOf(round.who);
      service.signal("SIGTERM");
      await Bun.sleep(round.afterMs);
      await service.kill();
      const text = `kill ${service.name}, ${round.afterMs} ms into its drain`;
      return done(1, `${text}; ${await back([service], 0)}`);
    }
  }
}

/** Starts them again after `downMs`. */
async function back(services: readonly Child[], downMs: number): Promise<string> {
  await Bun.sleep(downMs);
  await Promise.all(services.map((service) => service.startAndWait()));
  return `ready in ${Math.max(...services.map(({ readyMs }) => readyMs)).toFixed(0)} ms`;
}

function namesOf(services: readonly Child[]): string {
  return services.map(({ name }) => name).join(" and ");
}
