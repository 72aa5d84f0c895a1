/**
 * Game day puts weather on the simulated processors and posts a steady trickle of payments, to be
 * watched on the dashboard. It is a part of `dev` only, and does to the gateway what anybody could
 * do from outside.
 */
import { HttpClient } from "../bench/contest/client.ts";
import { Processor } from "../bench/contest/processor.ts";
import {
  scheduleOf,
  type ScheduledStep,
  type ProcessorName,
  type ProcessorState,
  type Weather,
} from "../bench/contest/weather.ts";
import { decimalFromCents } from "../shared/money.ts";
import { urlOf } from "../simulator/server.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import type { DevSettings } from "./settings.ts";
import type { Shop } from "./shop.ts";

const SCENARIO_MS = 60_000;
const PAYMENTS_PER_SECOND = 80;
const POST_EVERY_MS = 25;
const TOKEN = "123";
const CENTS_MAX = 20_000;

export class GameDay {
  readonly #processors: Record<ProcessorName, Processor>;
  readonly #gateway: HttpClient;
  readonly #shop: Shop | null;
  readonly #now: Record<ProcessorName, ProcessorState>;
  #playing: Scenario | null = null;
  #steps: Timer[] = [];
  #traffic: Timer | null = null;
  #posted = 0;
  #newest: string | null = null;
  #ahead: { atMs: number; states: ScheduledStep["states"] }[] = [];

  /** `shop` is whose payments they are, if there is one. */
  constructor({ HOST, PORT, DEFAULT_PORT, FALLBACK_PORT }: DevSettings, shop: Shop | null) {
    this.#shop = shop;
    const processor = (name: ProcessorName, port: number) =>
      new Processor(name, new HttpClient(urlOf(HOST, port), null), TOKEN);
    this.#processors = {
      default: processor("default", DEFAULT_PORT),
      fallback: processor("fallback", FALLBACK_PORT),
    };
    const fine = { delay: 0, failing: false };
    this.#now = { default: fine, fallback: fine };
    this.#gateway = new HttpClient(urlOf(HOST, PORT), null);
  }

  /** Ends what is played, makes both processors fine, and plays this scenario. */
  async play(scenario: Scenario): Promise<void> {
    this.stop();
    this.#playing = scenario;
    await Promise.all(
      Object.entries(this.#processors).map(async ([name, processor]) => {
        await processor.heal();
        this.#now[name as ProcessorName] = { delay: 0, failing: false };
      }),
    );
    // Another scenario may have been chosen meanwhile.
    if (this.#playing !== scenario || scenario.weather === null) return;
    this.#schedule(scenario.weather);
    const startedAtMs = performance.now();
    this.#posted = 0;
    this.#traffic = setInterval(() => this.#post(performance.now() - startedAtMs), POST_EVERY_MS);
  }

  stop(): void {
    for (const step of this.#steps.splice(0)) clearTimeout(step);
    this.#ahead = [];
    if (this.#traffic !== null) clearInterval(this.#traffic);
    this.#traffic = null;
    this.#playing = null;
  }

  /** Describes itself for the page's panel. */
  describe() {
    const next = this.#ahead[0];
    return {
      scenarios: SCENARIOS.map(({ name, about }) => ({ name, about })),
      playing: this.#playing?.name ?? null,
      weather: sayAll(Object.entries(this.#now)),
      next:
        next === undefined
          ? null
          : { inMs: Math.max(0, next.atMs - performance.now()), weather: sayAll(next.states) },
      paymentsPerSecond: this.#traffic === null ? 0 : PAYMENTS_PER_SECOND,
      newest: this.#newest,
      shop: this.#shop?.describe() ?? null,
    };
  }

  #schedule(weather: Weather): void {
    const steps = scheduleOf(weather, SCENARIO_MS);
    const beginMs = performance.now();
    this.#ahead = steps.map(({ atMs, states }) => ({ atMs: beginMs + atMs, states }));
    this.#steps = steps.map(({ atMs, states }) =>
      setTimeout(() => {
        this.#ahead.shift();
        for (const [name, state] of states) void this.#set(name, state);
      }, atMs),
    );
    this.#steps.push(setTimeout(() => this.#schedule(weather), SCENARIO_MS));
  }

  async #set(name: ProcessorName, state: ProcessorState): Promise<void> {
    this.#now[name] = state;
    // A processor that is being started again takes its weather with the next step.
    await this.#processors[name].setWeather(state).catch(() => {});
  }

  #post(passedMs: number): void {
    for (; this.#posted < (passedMs * PAYMENTS_PER_SECOND) / 1_000; this.#posted++) {
      const amount = decimalFromCents(100 + Math.floor(Math.random() * CENTS_MAX));
      const payment = { correlationId: crypto.randomUUID(), amount: Number(amount) };
      this.#newest = payment.correlationId;
      void this.#postOne(payment);
    }
  }

  async #postOne(payment: { readonly correlationId: string; readonly amount: number }) {
    this.#shop?.posts(payment.correlationId);
    const outcome = await this.#gateway.call("POST", "/payments", {}, payment);
    const status = outcome.kind === "failure" ? null : outcome.status;
    this.#shop?.wasAnswered(payment.correlationId, status);
  }
}

function sayAll(states: readonly (readonly [name: string, state: ProcessorState])[]): string {
  return states.map(([name, state]) => `${name} ${sayOf(state)}`).join(", ");
}

function sayOf({ delay, failing, down = false }: ProcessorState): string {
  if (down) return "takes no calls";
  const after = delay === 0 ? "at once" : `after ${delay} ms`;
  return failing ? `fails ${after}` : `answers ${after}`;
}
