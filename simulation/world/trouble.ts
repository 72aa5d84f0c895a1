/** Draws what is done to the world while it is troubled, at times and in ways that the seed draws. */
import type { Scene } from "./scene.ts";
import { NO_FAULTS, type Faults } from "../../simulator/processor/faults.ts";
import { seekAbsence } from "./absence.ts";
import { crashApi, crashWorker, cutPower } from "./crashes.ts";
import { exchangeAddresses } from "./exchange.ts";
import { decide } from "./operator.ts";
import { loseJournal } from "./restore.ts";
import { changeTariffs } from "./repricing.ts";

export function planTrouble(world: Scene): void {
  const { plan } = world;
  at(world, plan.workerCrashes, () => crashWorker(world));
  at(world, plan.powerCuts, () => cutPower(world));
  at(world, plan.apiCrashes, () => crashApi(world));
  at(world, plan.link.partitions, () => partition(world));
  at(world, plan.disk.troubles, () => fillDisk(world));
  at(world, plan.wallSteps, () => stepWallClock(world));
  at(world, plan.purges, () => purge(world));
  at(world, plan.decisions, () => decide(world));
  at(world, plan.absences, () => seekAbsence(world), world.apart);
  at(world, plan.exchanges, () => exchangeAddresses(world), world.identity);
  at(world, plan.processors.changes, () => changeProcessor(world));
  at(world, plan.processors.restarts, () => restartProcessor(world));
  at(world, plan.answers.rejections, () => rejectEverything(world), world.odd);
  at(world, plan.answers.moods, () => rejectSome(world), world.mood);
  at(world, plan.restores, () => loseJournal(world), world.restoring);
  at(world, plan.tariffs.length - 1, () => changeTariffs(world), world.tariff);
  at(world, 3, () => world.disk.checkpoint());
}

function at(world: Scene, times: number, event: () => void, chance = world.chance): void {
  const { time, plan } = world;
  for (let i = 0; i < times; i++) {
    time.after(chance.next() * plan.troubleMs, () => {
      if (world.troubled) event();
    });
  }
}

function partition(world: Scene): void {
  const direction = world.chance.pick(["toWorker", "toApis"] as const);
  const untilMs = world.time.nowMs + world.chance.next() * 4_000;
  world.note(`partition ${direction} until ${untilMs.toFixed(0)}`);
  world.post.partitionedUntilMs[direction] = untilMs;
}

function fillDisk(world: Scene): void {
  world.note("disk full");
  world.disk.full = true;
  world.time.after(world.chance.next() * 2_000, () => {
    world.note("disk has room");
    world.disk.full = false;
  });
}

function stepWallClock(world: Scene): void {
  // A key would be remembered for longer than it is.
  const mayGoBack = world.plan.kinds.length === 0;
  const stepMs = world.chance.pick([...(mayGoBack ? [-3_600_000, -1_500] : []), 1_500, 3_600_000]);
  world.note(`wall clock steps by ${stepMs}`);
  world.time.wallOffsetMs += stepMs;
}

function purge(world: Scene): void {
  if (!world.gateway.up) return;
  world.note("purge");
  void world.gateway.purge();
}

function changeProcessor(world: Scene): void {
  const { chance, plan, models, wires } = world;
  const number = chance.between(0, models.length - 1);
  const model = models[number]!;
  wires[number]!.wake();
  model.failing = chance.happens(0.4);
  model.delayMs = chance.pick(plan.processors.delaysMs);
  model.faults = chance.happens(plan.processors.faultChance) ? drawFaults(world) : NO_FAULTS;
  world.note(`processor ${number}: delay ${model.delayMs}, failing ${model.failing}`);
  wires[number]!.wake();
}

/** A mistake of the processor's, or of whoever set its address, that is mended after a while. */
function rejectEverything(world: Scene): void {
  const { odd, wires, time } = world;
  const number = odd.between(0, wires.length - 1);
  world.note(`processor ${number} rejects everything`);
  wires[number]!.rejects = 1;
  time.after(odd.next() * 8_000, () => (wires[number]!.rejects = 0));
}

/** Breaks a machine of those behind a processor's address. */
function rejectSome(world: Scene): void {
  const { mood, wires, time } = world;
  const number = mood.between(0, wires.length - 1);
  const share = mood.pick([0.1, 0.5, 0.9]);
  world.note(`processor ${number} rejects ${share} of everything`);
  wires[number]!.rejects = share;
  time.after(mood.next() * 8_000, () => (wires[number]!.rejects = 0));
}

function drawFaults({ chance }: Scene): Faults {
  const share = () => (chance.happens(0.5) ? 0 : chance.next() * 0.15);
  return {
    answerLost: share(),
    resetBefore: share(),
    errorWithInsert: share(),
    errorWithoutInsert: share(),
    truncated: share(),
    hang: share(),
    hangInserts: chance.happens(0.5),
    hangAll: chance.happens(0.1),
  };
}

function restartProcessor(world: Scene): void {
  const { chance, models, wires, time } = world;
  const number = chance.between(0, models.length - 1);
  world.note(`processor ${number} restarts`);
  wires[number]!.wake();
  models[number]!.setDown(true);
  wires[number]!.wake();
  time.after(chance.next() * 2_000, () => {
    models[number]!.setDown(false);
    wires[number]!.wake();
  });
}
