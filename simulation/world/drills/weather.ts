/**
 * Weather at the cheapest processors, drawn: they fail, hang, slow down or turn everything away for a while, or a
 * crowd comes. Of the others the world knows how quick they are, and that they work.
 *
 *   R29  a payment that waits is settled before its patience is over, if the processors that work can do that
 *
 * That none goes to them too soon is R15.
 */
import { NO_FAULTS } from "../../../simulator/processor/faults.ts";
import { ROUTER_DEFAULTS } from "../../../worker/router.ts";
import { shareOf, type Tariff } from "../../../shared/tariff.ts";
import { USUAL } from "../bounds.ts";
import { forgetHealthCalls } from "./health.ts";
import { naiveFee } from "../fees.ts";
import { pass, post, restart, type Drill } from "./drill.ts";
import type { Tariffs } from "../tariffs.ts";
import { Violation } from "../violation.ts";
import type { Way } from "../waits.ts";

const READINGS_MS = 11_000;
const JUST_MS = 100;
const TIMEOUT_MS = 1_500;
const SLOW_MS = 1_200;
const KINDS = ["fails", "hangs", "slows down", "turns away", "crowd"] as const;
const [CHEAP, DEAR] = [0.05, 0.15].map(shareOf) as [Tariff, Tariff];
/** Tolerance of R29: turns, commits and ways. */
const TURNS_MS = 60;

type Weather = {
  readonly kind: (typeof KINDS)[number];
  /** Places of the cheapest. */
  readonly at: readonly number[];
  readonly tariffs: Tariffs;
  readonly cents: number;
  readonly patienceMs: number;
  readonly delayMs: number;
  readonly otherDelayMs: number;
  readonly inFlightMax: number;
  readonly lastsMs: number;
  /** Time for which one that turns calls away wants to be left alone. */
  readonly restS: number;
  /** Payments that come at once, and one by one behind them. */
  readonly burst: number;
  readonly others: number;
};

/** Where to wait and not to wait are both wrong for some. */
const CORNERS: readonly Partial<Weather>[] = [
  { kind: "hangs", patienceMs: 0, delayMs: 0, otherDelayMs: 0, inFlightMax: 64, burst: 24 },
  { kind: "crowd", patienceMs: 2_000, delayMs: 200, otherDelayMs: 40, inFlightMax: 4, burst: 48 },
  {
    kind: "fails",
    patienceMs: 5_000,
    otherDelayMs: 200,
    inFlightMax: 64,
    burst: 40,
    lastsMs: 4_000,
  },
  { kind: "turns away", patienceMs: 5_000, delayMs: 0, otherDelayMs: 1_000, restS: 6, burst: 8 },
];

export function drillWeather(drill: Drill): void {
  const { world, isOver } = drill;
  const weather = drawWeather(drill);
  const { at, cents, patienceMs, inFlightMax, lastsMs, burst, others } = weather;
  world.note(`drill: ${JSON.stringify({ ...weather, tariffs: undefined })}`);
  for (const [place, model] of world.models.entries()) {
    forgetHealthCalls(model);
    model.delayMs = at.includes(place) ? weather.delayMs : weather.otherDelayMs;
  }
  const { processors, isShuffled, ledgerSlots } = world.plan.bounds;
  const bounds = {
    ...USUAL,
    processors,
    isShuffled,
    ledgerSlots,
    inFlightMax,
    tuning: { compactAt: 2 },
  };
  const { tariffs } = weather;
  restart(drill, { patienceMs, processorTimeoutMs: TIMEOUT_MS, bounds, tariffs });
  // Two health readings, whatever the processor's windows are: what is quick and what is slow is known.
  pass(drill, READINGS_MS);
  if (weather.kind === "turns away") {
    // A processor that has just taken a payment is busy, and not down.
    post(drill, cents);
    pass(drill, JUST_MS + weather.delayMs);
  }
  begin(drill, weather);
  const { ways } = world.judges!.waits;
  const from = ways.size;
  for (let i = 0; i < burst; i++) post(drill, cents);
  for (let i = 0; i < others; i++) world.time.after(i * 100, () => post(drill, cents));
  world.time.after(lastsMs, () => end(drill, weather));
  pass(drill, Math.max(lastsMs, patienceMs + 2_000));
  end(drill, weather);
  pass(drill, 2_000);
  if (isOver()) return;
  for (const way of [...ways.values()].slice(from))
    checkInTime(world.processors.length, way, weather);
  for (const model of world.models) model.delayMs = 0;
}

function drawWeather({ world }: Drill): Weather {
  const { drill: chance, gateway, processors } = world;
  const cents = 16 * chance.between(1, 2_000);
  const cheapest = chance.between(0, processors.length - 1);
  const tariffs = chance.happens(0.3)
    ? gateway.settings.tariffs
    : processors.map((_, place) => (place === cheapest ? CHEAP : DEAR));
  const fees = tariffs.map((tariff) => naiveFee(tariff, cents));
  const least = fees.reduce((one, other) => (other < one ? other : one));
  const drawn = {
    kind: chance.pick(KINDS),
    at: fees.flatMap((fee, place) => (fee === least ? [place] : [])),
    tariffs,
    cents,
    patienceMs: chance.pick([0, 1_000, 2_000, 5_000]),
    delayMs: chance.pick([0, 40, 200]),
    otherDelayMs: chance.pick([0, 40, 200]),
    inFlightMax: chance.pick([4, 16, 64]),
    lastsMs: chance.pick([400, 1_500, 4_000]),
    restS: chance.pick([1, 3]),
    burst: chance.pick([8, 24, 40]),
    others: 8,
  };
  return chance.happens(0.5) ? drawn : { ...drawn, ...chance.pick(CORNERS) };
}

function begin({ world }: Drill, { kind, at, restS }: Weather): void {
  for (const place of at) {
    const [model, wire] = [world.models[place]!, world.wires[place]!];
    wire.wake();
    if (kind === "fails") model.failing = true;
    if (kind === "hangs") model.faults = { ...NO_FAULTS, hangAll: true };
    if (kind === "slows down") model.delayMs = SLOW_MS;
    if (kind === "turns away") wire.turnsAwayS = restS;
    wire.wake();
  }
}

function end({ world }: Drill, { at, delayMs }: Weather): void {
  for (const place of at) {
    const [model, wire] = [world.models[place]!, world.wires[place]!];
    wire.wake();
    Object.assign(model, { failing: false, faults: NO_FAULTS, delayMs });
    wire.turnsAwayS = null;
    wire.wake();
  }
}

function checkInTime(processors: number, way: Way, weather: Weather): void {
  const { kind, at, patienceMs, delayMs, otherDelayMs, inFlightMax, burst, others } = weather;
  const { id, cameAtMs, refusals, refusedAtMs, isDoubted, place, settledAtMs } = way;
  // A processor in bad weather answers when it does, and one that was refused twice rests.
  const isAtWorking = place !== null && (kind === "crowd" || !at.includes(place));
  if (at.length === processors || isDoubted || refusals > 1 || !isAtWorking) return;
  const slowestMs = Math.max(1, delayMs, otherDelayMs);
  const rounds = Math.ceil((burst + others) / Math.min(8, inFlightMax));
  // More than the others can settle in time is nobody's fault.
  const { marginMsMax } = ROUTER_DEFAULTS;
  if (patienceMs > 0 && otherDelayMs * (rounds + 1) + marginMsMax > patienceMs) return;
  const deadlineMs = cameAtMs + patienceMs;
  const dueAtMs = Math.max(
    deadlineMs,
    refusedAtMs + slowestMs * rounds,
    cameAtMs + slowestMs * rounds,
  );
  // A round more: a processor that had nothing to do begins with few calls at a time.
  if (settledAtMs !== null && settledAtMs <= dueAtMs + slowestMs + TURNS_MS) return;
  const lateMs = settledAtMs === null ? "for ever" : `${Math.round(settledAtMs - dueAtMs)} ms`;
  throw new Violation(`R29: ${id} is late by ${lateMs}, and others work`);
}
