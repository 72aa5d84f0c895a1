/**
 * Measures what a shop that takes no webhooks costs payments: acceptance and settlement with one that
 * refuses connections, with one that takes them and says nothing, and with one that answers by a body without
 * an end and by a megabyte of headers in turn. Each shall be at least 0.97 of a gateway without webhooks.
 *
 * A few hundredths are less than what two starts of one gateway, or two minutes of one machine, differ by. So
 * both gateways run beside each other and are loaded by turns, shortly and until all is settled, who comes
 * first alternating; what is compared is neighbours, and a verdict is given by the interval in which the median
 * of their ratios lies. The same with two gateways without webhooks says how far to trust the rest. Events wait in the journal meanwhile, so that the figures show
 * what reading, keeping and probing cost; the worker's CPU time a payment moves less than the rates do.
 */
import type { Sum } from "../../testing/gateway.ts";
import { freePorts } from "../../testing/ports.ts";
import type { Env } from "../../testing/process.ts";
import { WEBHOOK_SECRET, WebhookReceiver } from "../../testing/webhook-receiver.ts";
import {
  Checks,
  ratiosOf,
  rowOf,
  shownBy,
  type BenchContext,
  type Row,
  type Target,
  type Unit,
} from "../benchmark.ts";
import { auditJournal, auditSums, settledSince } from "./audit.ts";
import { acceptedOf, loadStack, type Load } from "./payments.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { NONE, plus, totalOf } from "./sums.ts";

export const name = "system/webhooks";

const TARGETS: Target[] = [{ op: ">=", value: 0.97, of: "ratio" }];
const LOOK_MS = 5;
/** Loads of each of two neighbours, of which the first do not count. */
const [TURNS, WARM] = [36, 3];
/** Distance that an interval is to reach to either side. */
const NARROW = 0.03;

type Figures = { accepted: number; settled: number; cpuNs: number };
type Kind = keyof Figures;
/** Figures of a gateway with a receiver, and those of its neighbours without. */
type Compared = { readonly what: string; readonly with: Figures[]; readonly without: Figures[] };

export async function run(context: BenchContext): Promise<Row[]> {
  const { port: closed } = await freePorts("port");
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  await using hostile = new WebhookReceiver();
  let answers = 0;
  hostile.mood = () => (answers++ % 2 === 0 ? endless() : ofManyHeaders());
  const receivers: [what: string, env: Env][] = [
    ["dead receiver", settingsFor(closed)],
    ["silent receiver", settingsFor(silent.port)],
    ["hostile receiver", hostile.env],
    ["none in both", {}],
  ];
  const checks = new Checks();
  const all: Compared[] = receivers.map(([what]) => ({ what, with: [], without: [] }));
  for (let round = 0; round < context.runs; round++) {
    for (const [at, [, env]] of receivers.entries()) {
      await compare(context, env, all[at]!, checks);
    }
  }
  checks.equal("the hostile one was asked", context.quick || answers > 0, true);
  const rows = (way: string, unit: Unit, kind: Kind) =>
    all.map(({ what, with: ours, without }) => {
      const figures = ours.map((one) => one[kind]);
      const baselines = without.map((one) => one[kind]);
      const targets = what === "none in both" ? [] : TARGETS;
      const shown = shownBy(ratiosOf(unit, { figures, baselines }), NARROW);
      const note = `against the same without webhooks, ${figures.length} neighbours: ${shown}`;
      return rowOf(
        `${way}: webhooks, ${what}`,
        unit,
        { figures, baselines },
        checks,
        note,
        targets,
      );
    });
  return [
    ...rows("accept", "/s", "accepted"),
    ...rows("settle", "/s", "settled"),
    ...rows("CPU a payment", "ns", "cpuNs"),
  ];
}

/** Loads a gateway with these settings, and one without, by turns. */
async function compare(
  context: BenchContext,
  env: Env,
  { with: ours, without }: Compared,
  checks: Checks,
): Promise<void> {
  await using one = await LoadedGateway.start(context, env, checks);
  await using other = await LoadedGateway.start(context, {}, checks);
  const turns = context.quick ? 1 : TURNS;
  for (let turn = 0; turn < turns; turn++) {
    const isOursFirst = turn % 2 === 0;
    const first = await (isOursFirst ? one : other).load();
    const second = await (isOursFirst ? other : one).load();
    if (turn < WARM && !context.quick) continue; // The code's own start.
    ours.push(isOursFirst ? first : second);
    without.push(isOursFirst ? second : first);
  }
  await one.audit();
  await other.audit();
}

/** Payments settled by an instant. */
type Look = { readonly count: number; readonly atMs: number };

class LoadedGateway implements AsyncDisposable {
  readonly #stack: BenchStack;
  readonly #load: Load;
  readonly #checks: Checks;
  #accepted: Sum = NONE;

  static async start(context: BenchContext, env: Env, checks: Checks): Promise<LoadedGateway> {
    const load = context.quick
      ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
      : { warmupMs: 100, durationMs: 300, ratePerSecond: null };
    // Both processors are due, so that settling is bound by the worker and not by its policy.
    const options = { sync: "normal", env: { PATIENCE_MS: "0", ...env } } as const;
    return new LoadedGateway(await startStack(context, options), load, checks);
  }

  private constructor(stack: BenchStack, load: Load, checks: Checks) {
    this.#stack = stack;
    this.#load = load;
    this.#checks = checks;
  }

  async load(): Promise<Figures> {
    const startMs = this.#stack.cpuMs().worker;
    const begin = await this.#look();
    const report = await loadStack(this.#stack, this.#load, this.#checks);
    this.#accepted = plus(this.#accepted, acceptedOf(report));
    const settled = await this.#settleAll(begin);
    const cpuNs = ((this.#stack.cpuMs().worker - startMs) / report.answered) * 1e6;
    return { accepted: report.perSecond, settled, cpuNs };
  }

  async audit(): Promise<void> {
    await auditSums(this.#stack, this.#accepted, this.#checks);
    await auditJournal(this.#stack, this.#accepted, this.#checks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  /** Gives the rate at which what waits is settled while nothing comes; since `begin` when nothing waits. */
  async #settleAll(begin: Look): Promise<number> {
    const all = this.#accepted.count;
    let to = await this.#look();
    const from = to.count < all ? to : begin;
    while (to.count < all) {
      await Bun.sleep(LOOK_MS);
      to = await this.#look();
    }
    return ((to.count - from.count) / (to.atMs - from.atMs)) * 1_000;
  }

  async #look(): Promise<Look> {
    const { count } = totalOf(await settledSince(this.#stack));
    return { count, atMs: performance.now() };
  }
}

function endless(): Response {
  const pull = (controller: ReadableStreamDefaultController) =>
    controller.enqueue(new Uint8Array(256 * 1024));
  return new Response(new ReadableStream({ pull }));
}

function ofManyHeaders(): Response {
  return new Response(null, { headers: { "x-flood": "x".repeat(1024 * 1024) } });
}

function settingsFor(port: number): Env {
  const WEBHOOK_URL = `http://127.0.0.1:${port}/`;
  return { WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true" };
}
