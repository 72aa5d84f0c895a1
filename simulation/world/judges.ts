/** Hands what a bystander sees of the worker to all that judge it while it runs. */
import type { Transition, TransitionResult } from "../../worker/transitions.ts";
import { Breakers } from "./breakers.ts";
import { Decisions, type PlaceOf } from "./decisions.ts";
import type { Disk } from "./disk.ts";
import type { Gateway, ProcessorSetting } from "./gateway.ts";
import { Rests } from "./rests.ts";
import { Speeds } from "./speeds.ts";
import type { Tariffs } from "./tariffs.ts";
import type { Time } from "./time.ts";
import { Waits } from "./waits.ts";
import type { ChargeSeen, Wire } from "./wire.ts";

type World = {
  readonly time: Time;
  readonly disk: Disk;
  readonly processors: readonly ProcessorSetting[];
  readonly gateway: Gateway;
  readonly wires: readonly Wire[];
  /** Runs a check; a violation ends the run. */
  readonly watch: Watch;
};
type Watch = (check: () => void) => void;

export class Judges {
  readonly decisions: Decisions;
  readonly waits: Waits;
  readonly #breakers: Breakers;
  readonly #speeds: Speeds;
  readonly #rests: Rests;
  readonly #watch: Watch;

  /** `world` may have its gateway later. */
  constructor(world: World) {
    const { time, disk, processors } = world;
    const names = processors.map(({ name }) => name);
    const settings = () => world.gateway.settings;
    const openCount = () => world.gateway.openCount;
    const laneAt = (place: number) =>
      world.gateway.parts?.pipeline.lanes.named(names[place]!) ?? null;
    const isSaidOpen = (name: string) =>
      world.gateway
        .parts!.pipeline.incidents.open()
        .some(({ kind, subject }) => kind === "breaker-open" && subject === name);
    const watch = (this.#watch = (check: () => void) => world.watch(check));
    const places = names.length;
    const speeds = new Speeds({ time, laneAt, places, watch });
    this.#speeds = speeds;
    const restSAt = (place: number) => world.wires[place]!.turnsAwayS;
    this.#rests = new Rests({ time, names, restSAt });
    this.#breakers = new Breakers({ time, settings, laneAt, isSaidOpen, places, watch });
    this.decisions = new Decisions({ time, settings, disk, names, openCount });
    this.waits = new Waits({ time, settings, laneAt, openCount, speeds });
  }

  /** A worker starts, and knows nothing. */
  onStart(drained: readonly string[]): void {
    this.decisions.onStart(drained);
    this.waits.onStart();
    this.#breakers.onStart();
    this.#speeds.onStart();
    this.#rests.onStart();
  }

  /** The journal is another one, or payments come and go with their shards. */
  onRestored(): void {
    this.decisions.onRestored();
    this.waits.onRestored();
  }

  /** The worker hands a decision to the journal. `inForce`: tariffs by the number of the wire. */
  onDecided(transition: Transition, placeOf: PlaceOf, inForce: Tariffs): void {
    this.#breakers.onDecided(transition);
    this.#watch(() => this.decisions.onDecided(transition, placeOf, inForce));
    this.#watch(() => this.waits.onDecided(transition, placeOf, inForce));
  }

  /** It is durable, or is not. */
  onResult(transition: Transition, result: TransitionResult | null): void {
    this.decisions.onResult(transition, result);
    this.waits.onDurable(transition, result?.kind === "done");
  }

  onCharge(charge: ChargeSeen): void {
    this.decisions.onCharge(charge);
    this.#breakers.onCharge(charge);
    this.#speeds.onCharge(charge);
    this.#rests.onCharge(charge);
  }

  /** An answer is about to be told to the worker. */
  onAnswer(charge: ChargeSeen, status: number | string): void {
    this.decisions.onAnswer(charge, status);
    this.#breakers.onAnswer(charge, status);
    this.#speeds.onAnswer(charge);
    this.#rests.onAnswer(charge, status);
  }

  /** The health of a processor says that it fails. */
  onFailing(place: number): void {
    this.decisions.onFailing(place);
    this.#breakers.onFailing(place);
  }

  /** The health of a processor says how long it takes. */
  onReading(place: number, minResponseTimeMs: number): void {
    this.#speeds.onReading(place, minResponseTimeMs);
  }
}
