/**
 * A seeded world in which the gateway's real modules run: link, journal, pipeline, router, processor
 * client, ledger, summary and recovery, over virtual time, a network, a disk and processors that fail
 * in every way that the plan of the seed says.
 *
 * First safety: with all faults on, nothing that the checker watches may ever be violated. Then heal:
 * the faults stop, and everything that was acknowledged must settle or be listed with its reason, and
 * the summary must equal what the processors recorded.
 */
import { createLog } from "../shared/log.ts";
import { ProcessorModel } from "../simulator/processor.ts";
import { NO_FAULTS } from "../simulator/processor/faults.ts";
import { checkBlocks } from "./world/blocks.ts";
import { Chance } from "./world/chance.ts";
import { Checker } from "./world/checker.ts";
import { trustJournal } from "./world/alarms.ts";
import { Violation } from "./world/violation.ts";
import { Disk } from "./world/disk.ts";
import { Gateway, processorsOf, type ProcessorSetting } from "./world/gateway.ts";
import { Door } from "./world/door.ts";
import { writeHistory } from "./world/history.ts";
import { Judges } from "./world/judges.ts";
import { Ingress } from "./world/ingress.ts";
import { Post } from "./world/post.ts";
import { describePlan, drawPlan, type Plan } from "./world/plan.ts";
import type { Counts, Scene } from "./world/scene.ts";
import { Shop } from "./world/shop.ts";
import { compareSummaries } from "./world/summaries.ts";
import { FeeBook } from "./world/fees.ts";
import type { Tariffs } from "./world/tariffs.ts";
import { Time } from "./world/time.ts";
import { Trace } from "./world/trace.ts";
import { comeBack } from "./world/comeback.ts";
import { planAside } from "./world/aside.ts";
import { planMeddling } from "./world/link/meddle.ts";
import { CONTEST, kindOf, type Kind } from "./world/kinds.ts";
import { endOutlived, letGo } from "./world/operator.ts";
import { letThrough } from "./world/restore.ts";
import { takeBack } from "./world/exchange.ts";
import { checkHeld, planLooks } from "./world/recounts.ts";
import { checkSaid } from "./world/said.ts";
import { runDrills } from "./world/drills.ts";
import { checkRecovery } from "./world/recovery.ts";
import { planRough } from "./world/machine.ts";
import { planTrouble } from "./world/trouble.ts";
import { Wire } from "./world/wire.ts";
import type { Transition, TransitionResult } from "../worker/transitions.ts";

/** Longest time to heal after the faults: longer than every timeout and backoff together. */
const HEAL_MS_MAX = 600_000;
const QUIET_WIRE: Plan["wire"] = {
  neverSent: 0,
  lostBefore: 0,
  lateMsMax: 1,
  lostAfter: 0,
  serverError: 0,
};
const CLEAR_ANSWERS: Plan["answers"] = { unclear: 0, rejections: 0, moods: 0, zoneless: true };
/** Draws bounds; chosen so that seeds that once found something have the usual ones, and stay the same runs. */
const BOUND = 0x58704978;
/** The same for troubles of the machine. */
const ROUGH = 0x3174a7a9;
/** The same for what payments carry, and for shops that post over HTTP. */
const DRESSING = 0x25480733;
/** The same for the drills behind the trouble. */
const DRILLS = 0x1f83d9ab;
/** The same for what others say on the link, for its secrets, and for who only looks. */
const ASIDE = 0x3eb657fb;
/** The same for where the clock of each start of the worker begins. */
const ORIGIN = 0x6c8e9cf5;
const SILENT = createLog("simulation", "silent");

export type RunOptions = {
  readonly seed: number;
  /** Payments that shops post. */
  readonly steps: number;
  readonly keepTrace: boolean;
};

export type RunResult = {
  readonly seed: number;
  readonly violation: string | null;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly plan: string;
  readonly simulatedMs: number;
  readonly counts: Readonly<Counts> & { readonly acknowledged: number };
};

export function runSeed(options: RunOptions): RunResult {
  const world = new World(options);
  const violation = world.run();
  const { trace, plan, time, checker, counts, disk } = world;
  if (violation === null) disk.handOn();
  return {
    seed: options.seed,
    violation,
    traceHash: trace.hash,
    trace: options.keepTrace ? trace.lines : [],
    plan: describePlan(plan),
    simulatedMs: time.nowMs,
    counts: { ...counts, acknowledged: checker.acknowledged.size },
  };
}

class World implements Scene {
  readonly chance: Chance;
  readonly apart: Chance;
  readonly identity: Chance;
  readonly odd: Chance;
  readonly mood: Chance;
  readonly restoring: Chance;
  readonly tariff: Chance;
  readonly kind: Chance;
  readonly bound: Chance;
  readonly glance: Chance;
  readonly rough: Chance;
  readonly dressing: Chance;
  readonly drill: Chance;
  readonly aside: Chance;
  readonly plan: Plan;
  readonly processors: readonly ProcessorSetting[];
  readonly kinds: readonly Kind[];
  readonly time = new Time();
  readonly trace = new Trace();
  readonly disk = new Disk();
  readonly models: readonly ProcessorModel[];
  readonly wires: readonly Wire[];
  readonly post: Post;
  readonly apis: readonly Ingress[];
  readonly gateway: Gateway;
  readonly checker: Checker;
  readonly judges: Judges | null;
  readonly #fees = new FeeBook(this.disk);
  readonly counts: Counts = {
    charges: 0,
    crashes: 0,
    powerCuts: 0,
    decisions: 0,
    absences: 0,
    exchanges: 0,
    restores: 0,
    tariffChanges: 0,
  };
  readonly purged = new Set<string>();
  troubled = true;
  isRestoring = false;
  isUnproven = false;
  isDrilling = false;
  missing = 0;
  readonly #shop: Shop;
  readonly #steps: number;
  #settledSeqs: number[] = [];
  #violation: string | null = null;

  constructor({ seed, steps }: RunOptions) {
    this.chance = new Chance(seed);
    this.apart = new Chance(~seed);
    this.identity = new Chance(seed ^ 0x2a65c3d9);
    this.odd = new Chance(seed ^ 0x5bd1e995);
    this.mood = new Chance(seed ^ 0x1b873593);
    this.restoring = new Chance(seed ^ 0x3c6ef372);
    this.tariff = new Chance(seed ^ 0x7f4a7c15);
    this.kind = new Chance(seed ^ 0x428a10b2);
    this.bound = new Chance(seed ^ BOUND);
    this.rough = new Chance(seed ^ ROUGH);
    this.dressing = new Chance(seed ^ DRESSING);
    this.drill = new Chance(seed ^ DRILLS);
    this.aside = new Chance(seed ^ ASIDE);
    this.glance = new Chance(seed ^ 0x6d2b79f5);
    this.plan = drawPlan(this.chance, this);
    this.processors = processorsOf(this.plan.bounds.processors);
    this.kinds = this.processors.map((_, number) => kindOf(this.plan.kinds[number] ?? CONTEST));
    this.#steps = Math.ceil(steps * this.plan.bounds.share);

    const { plan, processors, time, disk, chance } = this;
    this.models = this.kinds.map(
      ({ form }) => new ProcessorModel({ fee: 0, random: chance.fork().next, form }),
    );
    this.wires = this.models.map((model, number) => this.#wireTo(model, number));
    this.checker = new Checker({
      disk,
      models: this.models,
      wires: this.wires,
      processors,
      kinds: this.kinds,
    });
    this.judges = plan.exchanges > 0 ? null : new Judges(this);
    const watch = (check: () => void) => this.watch(check);
    this.post = new Post({
      time,
      plan,
      chance: chance.fork(),
      rough: this.rough.fork(),
      toWorker: (frame, api) => this.gateway.receive(frame, api),
      toApi: (frame, api) => this.apis[api]?.receive(frame) ?? false,
      startOf: (incarnation) => this.gateway.startOf.get(incarnation) ?? 0,
    });
    this.apis = Array.from({ length: plan.apis }, (_, api) => {
      const transmit = (frame: Buffer) => this.post.toWorker(frame, api);
      const { ackTimeoutMs, rotates, isLinkHeard: isHeard } = plan;
      const bounds = plan.bounds.link;
      const others = { ackTimeoutMs, bounds, transmit, number: api, rotates, isHeard, watch };
      return new Ingress({ time, chance: chance.fork(), ...others });
    });
    this.gateway = new Gateway({
      time,
      chance: chance.fork(),
      disk,
      processors,
      wires: this.wires,
      plan,
      order: this.bound,
      origin: new Chance(seed ^ ORIGIN),
      watch,
      log: SILENT,
      note: (line) => this.note(line),
      onDecided: (...decided) => this.judges?.onDecided(...decided),
      onResult: (...ended) => this.judges?.onResult(...ended),
      transmit: (frame, api) => this.post.toApi(frame, api),
      onArrival: (seen, name) => this.watch(() => seen.arrival(name)),
      onAcknowledge: (id, cents) => this.watch(() => this.checker.onAcknowledge(id, cents)),
      onApplied: (...applied) => this.onApplied(...applied),
    });
    this.#shop = new Shop({
      time,
      chance: chance.fork(),
      plan,
      apis: this.apis,
      door: new Door({ chance: this.dressing, watch }),
      onTold: (id, cents, answer) => {
        this.note(`told ${id} ${cents} ${answer}`);
        if (answer === "202") this.watch(() => this.checker.onAccepted(id, cents));
        if (this.post.deliversStale) this.watch(stale);
      },
    });
  }

  /** Follows what the journal was told, to know what a purge has taken out of the ledger. */
  onApplied(
    transitions: readonly Transition[],
    results: readonly TransitionResult[],
    tariffs: Tariffs,
  ): void {
    this.#fees.onApplied(transitions, results, tariffs);
    for (const transition of transitions) {
      if (transition.kind === "settle") this.#settledSeqs.push(transition.seq);
      else if (transition.kind === "absent") this.#onAbsent(transition.seq);
      else if (transition.kind === "reject" || transition.kind === "conflict") {
        const { kind, seq } = transition;
        this.watch(() => this.checker.onParked(kind, this.disk.idOf(seq)));
      } else if (transition.kind === "purge") {
        for (const seq of this.#settledSeqs) this.purged.add(this.disk.idOf(seq));
        this.#settledSeqs = [];
      }
    }
    const kinds = transitions.slice(0, 20).map(({ kind }) => kind);
    this.note(`applied ${transitions.length}: ${kinds.join(" ")}`);
  }

  #onAbsent(seq: number): void {
    const correlationId = this.disk.idOf(seq);
    this.counts.absences++;
    this.note(`absent ${correlationId}`);
    this.watch(() => this.checker.onAbsent(correlationId));
  }

  note(line: string): void {
    this.trace.add(this.time.nowMs, line);
  }

  /** The sentence of the first violation, or null. */
  run(): string | null {
    const { time, plan, disk } = this;
    try {
      writeHistory(this);
      disk.stallMsMax = plan.disk.stallMsMax;
      for (const api of this.apis) api.start();
      this.judges?.onStart([]);
      void this.gateway.start();
      this.#shop.open(this.#steps);
      planTrouble(this);
      planLooks(this);
      planRough(this);
      planMeddling(this);
      const lookBack = planAside(this);
      time.run(plan.troubleMs, this.#stop);
      this.#heal();
      if (!this.#stop()) trustJournal(this, this.#stop);
      if (!this.#stop()) checkRecovery(this, this.#stop);
      if (!this.#stop()) runDrills(this, this.#stop);
      if (!this.#stop()) comeBack(this, this.#stop);
      if (this.#violation === null) this.#checkAll();
      if (this.#violation === null) lookBack();
    } catch (error) {
      this.#violation ??=
        error instanceof Violation ? error.message : String((error as Error).stack);
    }
    // The note is its first line: an error's stack names the caller, which is another one in the
    // second run.
    if (this.#violation !== null) this.note(`violation ${this.#violation.split("\n")[0]}`);
    return this.#violation;
  }

  readonly #stop = (): boolean => this.#violation !== null;

  /** The faults end; whoever is down is started; then everything that is open must settle. */
  #heal(): void {
    if (this.#stop()) return;
    const { time, disk, models, wires, plan } = this;
    this.note("heal");
    this.troubled = false;
    disk.full = false;
    disk.stallMsMax = 1;
    disk.drawFault = () => null;
    this.post.heal();
    for (const [number, model] of models.entries()) {
      wires[number]!.wake();
      Object.assign(model, { delayMs: 0, failing: false, faults: NO_FAULTS });
      model.setDown(false);
      Object.assign(wires[number]!, {
        faults: QUIET_WIRE,
        answers: CLEAR_ANSWERS,
        rejects: 0,
        isHidden: false,
        liesInHealth: false,
        isOutOfDescriptors: false,
      });
      wires[number]!.wake();
    }
    // A process that is up stays as the trouble has left it: starting anew is no cure that
    // production has.
    for (const api of this.apis) if (!api.isUp) api.start();
    takeBack(this);
    if (!this.gateway.isStarted) this.startGateway();
    const isQuiet = () => this.gateway.up && this.gateway.openCount === 0 && this.missing === 0;
    const settledAll = () => this.#stop() || isQuiet();
    // Shops may still be repeating, so being quiet once is not enough.
    time.run(time.nowMs + 20_000, this.#stop);
    // Payments that are held may be all that there is room for.
    const isHeldShut = this.gateway.openCount >= plan.bounds.backlogMax;
    if (!isHeldShut) this.#expectOpenDoor();
    checkHeld(this);
    letGo(this);
    if (this.isUnproven) letThrough(this);
    endOutlived(this);
    time.run(time.nowMs + HEAL_MS_MAX, settledAll);
    if (isHeldShut && !this.#stop()) {
      this.#expectOpenDoor();
      time.run(time.nowMs + HEAL_MS_MAX, settledAll);
    }
    // Nobody waits for the commit of a settlement.
    time.run(time.nowMs + 1_000, this.#stop);
    if (this.#stop()) return;
    this.checker.checkSettled();
    if (this.gateway.openCount !== 0)
      throw new Violation("G3: payments are open and do not settle");
  }

  /** Nobody has to do anything by hand before payments are taken again. */
  #expectOpenDoor(): void {
    let answer: string | null = null;
    const correlationId = this.apart.uuid();
    this.insist(correlationId, 1, (kind) => (answer = kind));
    this.time.run(this.time.nowMs + 5_000, () => this.#stop() || answer !== null);
    if (this.#stop() || answer === "stored" || answer === "duplicate") return;
    throw new Violation(`G5: all is well, and a payment is answered ${answer ?? "busy"}`);
  }

  /** Posts until there is room for it, and tells the answer. */
  insist(correlationId: string, amountCents: number, told: (kind: string) => void): void {
    this.#shop.post(correlationId, amountCents, (verdict) => {
      if (verdict?.kind !== "busy") return told(verdict?.kind ?? "nothing");
      this.time.after(100, () => this.insist(correlationId, amountCents, told));
    });
  }

  #checkAll(): void {
    // A payment that was sent twice may still be at the journal.
    this.time.run(this.time.nowMs + 5_000, () => this.#stop() || this.gateway.openCount === 0);
    checkSaid(this, this.#stop);
    // Thousands of them in some seeds: they are read once.
    const payments = this.disk.payments();
    this.checker.checkJournal(payments);
    checkBlocks(this.disk);
    compareSummaries(this, payments);
    const { tariffs, names } = this.gateway;
    if (tariffs === null) throw new Violation("the worker is down after everything healed");
    this.#fees.check(tariffs, names, payments);
  }

  repost(correlationId: string, amountCents: number): void {
    this.#shop.post(correlationId, amountCents, (verdict) => {
      if (verdict?.kind !== "stored" && verdict?.kind !== "duplicate") return;
      this.watch(() => this.checker.onAccepted(correlationId, amountCents));
    });
  }

  startGateway(): void {
    if (this.isRestoring) return;
    this.note("worker starts");
    this.checker.onStart();
    this.judges?.onStart(this.disk.drained());
    this.gateway.start().catch((error: Error) => {
      this.#violation ??= String(error.stack);
    });
  }

  #wireTo(model: ProcessorModel, number: number): Wire {
    const { time, chance, plan } = this;
    const wire = new Wire(
      {
        time,
        chance: chance.fork(),
        odd: this.odd.fork(),
        mood: this.mood.fork(),
        model,
        kind: this.kinds[number]!,
        number,
        onCharge: (charge) => {
          this.counts.charges++;
          this.note(`charge ${number} ${charge.body}`);
          this.watch(() => {
            this.checker.onCharge(charge);
            this.judges?.onCharge(charge);
          });
        },
        onAnswer: (charge, status) => {
          const { correlationId } = charge;
          this.note(`answer ${number} ${correlationId} ${status}`);
          this.watch(() => {
            this.checker.onAnswer(time.nowMs, charge, status);
            this.judges?.onAnswer(charge, status);
            const isAccepted = status === 200 && charge.outcome === "recorded";
            this.gateway.parts?.seen.answer(number, isAccepted);
            this.checker.checkTenants(correlationId);
          });
        },
        onFailing: () => this.judges?.onFailing(number),
        onReading: (minResponseTimeMs) => this.judges?.onReading(number, minResponseTimeMs),
      },
      plan,
    );
    wire.isInAnotherZone = this.drill.happens(0.3);
    return wire;
  }

  /** Ends the run when a check fails. */
  watch(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#violation ??=
        error instanceof Violation ? error.message : String((error as Error).stack);
    }
  }
}

function stale(): void {
  throw new Violation(
    "the link: a verdict was believed that is an earlier worker's, or another API's",
  );
}
