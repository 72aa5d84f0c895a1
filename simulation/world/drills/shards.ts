/**
 * Another worker has some of the shards, comes, goes, and decides:
 *
 *   R32  each takes, asks for and sends payments of its own shards, and of no others; a start or a gain is over
 *        with the open payments taken up; a shard is given with nothing under way, and its payments are forgotten;
 *        what is decided or heard at the other worker is followed at this one
 *
 * What leaves and what is given is judged as it happens (`simulation/world/shared.ts`).
 */
import { NO_FAULTS } from "../../../simulator/processor/faults.ts";
import { LIMIT_DEFAULTS } from "../../../worker/router/limit.ts";
import { PAYMENT_STATES, type PaymentState } from "../../../worker/transitions.ts";
import { USUAL } from "../bounds.ts";
import { Shared, shardOf, SHARDS } from "../shared.ts";
import { decideOn, pass, post, restart, stateOf, type Drill } from "./drill.ts";
import { forgetHealthCalls } from "./health.ts";
import { Violation } from "../violation.ts";

const TIMEOUT_MS = 800;
const IN_FLIGHT_MAX = 16;
const SENT_MS = 150;
/** Time between two renewals of the worker's lease. */
const RENEWAL_MS = 200;
/** News that were asked for before a decision of this worker's operator are old; others are followed. */
const FOLLOWED_WITHIN_MS = 5 * RENEWAL_MS;
/** Longest time in which what is open and comes is settled, and in which what is wanted is given. */
const SETTLED_WITHIN_MS = 4_000;
const GIVEN_WITHIN_MS = 6_000;
/** Longest time in which a processor is asked for its health, and is believed. */
const READING_WITHIN_MS = 11_000;
const OPEN = 8;
const BURST = 12;
const GIVEN = 32;
const SLOW_MS = 120;
const UNDER_WAY: ReadonlySet<PaymentState> = new Set(["accepted", "assigned", "unknown"]);
const OURS = [64, 128, 192, SHARDS];

export function drillShards(drill: Drill): void {
  const { world, isOver } = drill;
  const { drill: chance, gateway, plan } = world;
  // It takes many payments.
  if (chance.happens(0.5)) return;
  const open = leaveOpen(drill);
  const ours = drawOurs(drill);
  const at = chance.happens(0.3) ? moveOne(drill, open, ours) : -1;
  const moved = world.processors[at] ?? null;
  const shared = new Shared({
    world,
    chance: chance.fork(),
    inFlightMax: IN_FLIGHT_MAX,
    processorTimeoutMs: TIMEOUT_MS,
    ours,
    leads: chance.happens(0.5),
  });
  for (const model of world.models) forgetHealthCalls(model);
  gateway.shared = shared;
  // Payments come and go with their shards: when each is assigned is not judged.
  world.judges?.onRestored();
  const { processors, isShuffled, ledgerSlots } = plan.bounds;
  const limit = { ...LIMIT_DEFAULTS, start: 1, min: 1 };
  const tuning = { limit };
  const own = { processors, isShuffled, ledgerSlots, inFlightMax: IN_FLIGHT_MAX, tuning };
  restart(drill, { patienceMs: 0, processorTimeoutMs: TIMEOUT_MS, bounds: { ...USUAL, ...own } });
  // Nothing is sent to it before the other worker is told of it.
  if (moved !== null) world.judges?.decisions.onOperator(moved.name, null, "moved");
  const steps = [
    () => checkStarted(drill, shared),
    () => checkOthers(drill, shared, open),
    () => confirmMove(drill, shared, at),
    () => checkSettled(drill, shared, open),
    () => checkHealth(drill, shared),
    () => checkModes(drill, shared),
    () => giveSome(drill, shared),
    () => gainAll(drill, shared),
  ];
  for (const step of steps) if (!isOver()) step();
  gateway.shared = null;
  if (!isOver()) restart(drill);
}

/** Posts payments that get no clear answer. */
function leaveOpen(drill: Drill): string[] {
  const { models, drill: chance } = drill.world;
  for (const model of models) model.faults = { ...NO_FAULTS, resetBefore: 1 };
  const open = Array.from({ length: OPEN }, () => post(drill, chance.between(1, 99_999)));
  pass(drill, SENT_MS);
  for (const model of models) model.faults = NO_FAULTS;
  return open.filter((id) => stateOf(drill, id) === "unknown" || stateOf(drill, id) === "accepted");
}

function drawOurs({ world: { drill: chance } }: Drill): Set<number> {
  const count = chance.pick(OURS);
  const ours = new Set<number>();
  while (ours.size < count) ours.add(chance.between(0, SHARDS - 1));
  return ours;
}

/** A processor has another address from now on; gives its place, or -1. */
function moveOne({ world }: Drill, open: readonly string[], ours: Set<number>): number {
  const { disk, processors } = world;
  const here = open.filter((id) => ours.has(shardOf(id)));
  const urls = new Set(here.map((id) => disk.payment(id)?.url));
  const at = processors.findIndex(({ url }) => urls.has(url));
  if (at !== -1) processors[at]!.url = `${processors[at]!.url}-moved`;
  return at;
}

/** Lets time pass, with renewals. */
function live(drill: Drill, shared: Shared, ms: number, until = () => false): void {
  const { world, isOver } = drill;
  const endMs = world.time.nowMs + ms;
  while (world.time.nowMs < endMs && !until() && !isOver()) {
    pass(drill, RENEWAL_MS);
    if (!isOver()) world.watch(() => shared.hear());
  }
}

function problem(what: string): never {
  throw new Violation(`R32: ${what}`);
}

function checkStarted(drill: Drill, shared: Shared): void {
  const { length } = shared.holding.loading;
  if (length > 0) problem(`a worker has started, and ${length} of its shards are not taken up`);
  live(drill, shared, RENEWAL_MS);
}

/** Posts a payment, and gives what it is answered. */
function ask(drill: Drill, shared: Shared, id: string): string | null {
  let answer: string | null = null;
  drill.world.insist(id, 1, (kind) => (answer = kind));
  live(drill, shared, 1_500, () => answer !== null);
  return answer;
}

/** An id of a shard that is this worker's, or not; null: there is none. */
function drawId({ world: { drill: chance } }: Drill, shared: Shared, isOurs: boolean) {
  for (let tries = 0; tries < 100; tries++) {
    const id = chance.uuid();
    if (shared.isOurs(id) === isOurs) return id;
  }
  return null;
}

/** Payments of another worker's shards are not taken, sent or decided about here. */
function checkOthers(drill: Drill, shared: Shared, open: readonly string[]): void {
  const id = drawId(drill, shared, false);
  const answer = id === null ? "elsewhere" : ask(drill, shared, id);
  if (answer !== "elsewhere" && !drill.isOver())
    problem(`${id} is another's, and answered ${answer}`);
  const theirs = open.find((one) => !shared.isOurs(one));
  if (theirs === undefined || drill.isOver()) return;
  const { kind } = decideOn(drill, "hold", theirs);
  if (kind !== "refused") problem(`${theirs} is another's, and held here`);
}

/** `at`: place of a processor that has moved, which the other worker is told; -1: none has. */
function confirmMove(drill: Drill, shared: Shared, at: number): void {
  if (at === -1) return;
  const { disk, processors, gateway, wires, judges } = drill.world;
  const { name, url } = processors[at]!;
  const lane = gateway.parts!.pipeline.lanes.named(name)!;
  const { calls } = wires[at]!;
  live(drill, shared, 2 * RENEWAL_MS);
  if (drill.isOver()) return;
  if (wires[at]!.calls !== calls || lane.movedFrom === null)
    problem(`${name} has moved, and is called before anybody has confirmed it`);
  disk.db.run("UPDATE processors SET url = ? WHERE name = ?", [url, name]);
  live(drill, shared, FOLLOWED_WITHIN_MS, () => lane.movedFrom === null);
  if (drill.isOver()) return;
  if (lane.movedFrom !== null) problem(`${name} has moved, which is confirmed at another worker`);
  judges?.decisions.onOperator(name, false, "moved");
}

function checkSettled(drill: Drill, shared: Shared, ids: readonly string[]): void {
  const { world, isOver } = drill;
  const isOpen = (id: string) => {
    const state = stateOf(drill, id);
    // A payment that was not taken in time is not there.
    return shared.isOurs(id) && state !== null && state !== "settled";
  };
  live(drill, shared, SETTLED_WITHIN_MS, () => !ids.some(isOpen));
  if (isOver()) return;
  const left = ids.find(isOpen);
  if (left !== undefined) problem(`${left} is ours, and is ${stateOf(drill, left)}`);
  const { parked } = world.gateway.parts!.pipeline.payments;
  for (const [state, count] of shared.parkedHere()) {
    if (parked.get(state) !== count) problem(`${parked.get(state)} are ${state}, and not ${count}`);
  }
}

/** Readings are told to the other worker, or are the other worker's. */
function checkHealth(drill: Drill, shared: Shared): void {
  const { gateway, models, processors } = drill.world;
  if (shared.leads) {
    live(drill, shared, READING_WITHIN_MS, () => shared.told.length > 0);
    if (shared.told.length === 0) problem("no reading is told to another worker");
    return;
  }
  const [model] = models;
  const { name } = processors[0]!;
  model!.delayMs = drill.world.drill.between(300, 600);
  const lane = gateway.parts!.pipeline.lanes.named(name)!;
  live(drill, shared, READING_WITHIN_MS, () => lane.latencyMs === model!.delayMs);
  if (!drill.isOver() && lane.latencyMs !== model!.delayMs)
    problem(
      `${name} takes ${model!.delayMs} ms, which is told, and ${lane.latencyMs} are believed`,
    );
  model!.delayMs = 0;
}

/** An operator drains one at the other worker, and lets it go on. */
function checkModes(drill: Drill, shared: Shared): void {
  const { world, isOver } = drill;
  const { disk, gateway, judges, drill: chance } = world;
  const lane = chance.pick(gateway.parts!.pipeline.lanes.all);
  for (const mode of ["drained", "auto"] as const) {
    judges?.decisions.onOperator(lane.name, null, mode);
    disk.db.run("DELETE FROM processor_modes WHERE processor = ?", [lane.number]);
    if (mode === "drained")
      disk.db.run("INSERT INTO processor_modes VALUES (?, ?)", [lane.number, mode]);
    live(drill, shared, FOLLOWED_WITHIN_MS, () => lane.mode === mode);
    if (isOver()) return;
    if (lane.mode !== mode)
      problem(`${lane.name} is ${mode} at another worker, and ${lane.mode} here`);
    judges?.decisions.onOperator(lane.name, true, mode === "drained" ? "drain" : "resume");
    ask(drill, shared, drawId(drill, shared, true)!);
  }
}

/** Payments are under way, some in vain, when the other worker wants their shards. */
function giveSome(drill: Drill, shared: Shared): void {
  const { world, isOver } = drill;
  const { models, drill: chance, gateway, wires } = world;
  const quiet = wires[0]!.faults;
  // Some are being asked for, too.
  for (const wire of wires) wire.faults = { ...quiet, lateMsMax: SLOW_MS };
  const ids = Array.from({ length: BURST }, () => drawId(drill, shared, true)!);
  for (const model of models) {
    model.delayMs = SLOW_MS;
    model.faults = { ...NO_FAULTS, resetBefore: chance.pick([0, 0.5]) };
  }
  for (const id of ids) world.repost(id, chance.between(1, 99_999));
  pass(drill, chance.pick([1, 20, SENT_MS, 3 * SENT_MS]));
  for (const id of ids.slice(0, BURST / 2)) shared.wanted.add(shardOf(id));
  for (let shard = 0; shared.wanted.size < GIVEN; shard++) {
    if (shared.has(shard)) shared.wanted.add(shard);
  }
  const given = new Set(shared.wanted);
  world.watch(() => shared.hear());
  for (const model of models) model.faults = NO_FAULTS;
  for (const wire of wires) wire.faults = quiet;
  live(drill, shared, GIVEN_WITHIN_MS, () => shared.wanted.size === 0);
  if (isOver()) return;
  if (shared.wanted.size > 0) problem(`${shared.wanted.size} shards are wanted, and not given`);
  live(drill, shared, RENEWAL_MS);
  for (const { payment } of gateway.parts!.pipeline.payments.all()) {
    if (given.has(shardOf(payment.correlationId)))
      problem(`${payment.correlationId} is another's, and known here`);
  }
  const [first] = ids;
  const answer = ask(drill, shared, first!);
  if (answer !== "elsewhere" && !isOver()) problem(`${first} was given, and is answered ${answer}`);
  checkSettled(drill, shared, ids);
  for (const model of models) model.delayMs = 0;
}

/** The other worker ends, or gives what it has. */
function gainAll(drill: Drill, shared: Shared): void {
  const all = Array.from({ length: SHARDS }, (_, shard) => shard);
  shared.gain(all, drill.world.drill.happens(0.5));
  live(drill, shared, 2 * TIMEOUT_MS);
  const open = [...drill.world.disk.unsettled()].filter(([, { state }]) =>
    UNDER_WAY.has(PAYMENT_STATES[state]!),
  );
  checkSettled(
    drill,
    shared,
    open.map(([id]) => id),
  );
}
