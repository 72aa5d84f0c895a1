/** The faults of one run, drawn from its seed; printed, so that a reader knows what was survived. */
import { describeBounds, drawBounds, USUAL, type Bounds } from "./bounds.ts";
import type { Chance } from "./chance.ts";
import { DELAY_MS_MAX, drawKinds, LATE_MS_MAX, type KindPlan } from "./kinds.ts";
import { drawDress, type Dress } from "./dress.ts";
import { drawRough, type Rough } from "./rough.ts";
import { drawTariffs, type Tariffs } from "./tariffs.ts";

type LinkPlan = Pick<Plan, "rotates" | "saysElsewhere" | "isLinkHeard">;
export type Plan = {
  readonly apis: number;
  /** Settings and bounds of the gateway. */
  readonly bounds: Bounds;
  readonly rough: Rough;
  readonly patienceMs: number;
  readonly processorTimeoutMs: number;
  readonly ackTimeoutMs: number;
  /** How long faults last, and with them the shop's posting. */
  readonly troubleMs: number;
  /** Payments that were settled before the run began. */
  readonly history: number;
  readonly link: {
    readonly loss: number;
    readonly repeat: number;
    readonly delayMsMax: number;
    readonly partitions: number;
    /** Datagrams kept by somebody and sent again later. */
    readonly replay: number;
    /** Datagrams followed by one that somebody without the key made of it. */
    readonly forgery: number;
  };
  readonly wire: {
    readonly neverSent: number;
    readonly lostBefore: number;
    readonly lateMsMax: number;
    readonly lostAfter: number;
    readonly serverError: number;
  };
  readonly answers: {
    /** Answers by something in between, in the place of the processor's. */
    readonly unclear: number;
    /** Times at which everything is rejected for a while. */
    readonly rejections: number;
    /** Times at which a share of all is, whichever it is: of several machines some are broken. */
    readonly moods: number;
    /** Instants without a zone, as long as the run lasts. */
    readonly zoneless: boolean;
  };
  readonly processors: {
    readonly delaysMs: readonly number[];
    readonly changes: number;
    readonly faultChance: number;
    readonly restarts: number;
  };
  readonly workerCrashes: number;
  readonly powerCuts: number;
  readonly apiCrashes: number;
  readonly disk: {
    readonly stallMsMax: number;
    readonly troubles: number;
  };
  readonly wallSteps: number;
  readonly purges: number;
  /** Decisions by hand. */
  readonly decisions: number;
  /** Payments that somebody wants to declare absent. */
  readonly absences: number;
  /** How often somebody starts the worker with the addresses of the processors exchanged. */
  readonly exchanges: number;
  /** How often the journal is lost, and an older copy put in its place. */
  readonly restores: number;
  /** The tariffs that hold one after the other. */
  readonly tariffs: readonly Tariffs[];
  /** Processors that are not the contest's two; none, where they are. */
  readonly kinds: readonly KindPlan[];
  /** Dress of the payments: half of the seeds have more than ids and amounts. */
  readonly dress: Dress;
  /** The link's secret is being rotated: APIs have the old one, both, or the new one. */
  readonly rotates: boolean;
  /** Both ends of the link are listened to. */
  readonly isLinkHeard: boolean;
  /** Somebody says of payments that another worker has their shard, or that they cannot be taken. */
  readonly saysElsewhere: boolean;
  readonly shop: {
    readonly repeats: number;
    readonly otherAmounts: number;
    readonly leaves: number;
    readonly stubborn: number;
  };
};

/** Each draws what was added later, so that a seed that once found something stays the same run. */
type Apart = Readonly<
  Record<
    | "apart"
    | "identity"
    | "odd"
    | "mood"
    | "restoring"
    | "tariff"
    | "kind"
    | "bound"
    | "rough"
    | "dressing"
    | "aside",
    Chance
  >
>;

export function drawPlan(
  chance: Chance,
  { restoring, tariff, kind, bound, rough, dressing, aside, ...others }: Apart,
): Plan {
  const bounds = drawBounds(bound);
  const kinds = drawKinds(kind, bounds.processors);
  const tariffs = drawTariffs(tariff, bounds.processors);
  const drawn = {
    ...drawOthers(chance, others),
    bounds,
    rough: drawRough(rough),
    dress: drawDress(dressing),
    rotates: aside.happens(0.25),
    saysElsewhere: aside.happens(0.25),
    isLinkHeard: aside.happens(0.3),
    tariffs,
    kinds,
  };
  // A small ring needs few rows to be overrun.
  const history = Math.ceil((drawn.history * bounds.ledgerSlots) / USUAL.ledgerSlots);
  const plan = { ...drawn, history, exchanges: bounds.processors > 1 ? drawn.exchanges : 0 };
  if (kinds.length > 0) return withKinds(plan);
  // A copy has other addresses, or rows that a purge took away since.
  if (plan.exchanges > 0 || plan.purges > 0 || restoring.happens(0.6)) return plan;
  // An id that is not in the copy has no amount yet.
  // Nor does it know of tariffs that began since: what was sent under them is said to cost what was before.
  const [first] = plan.tariffs;
  return { ...plan, restores: 1, tariffs: [first!], shop: { ...plan.shop, otherAmounts: 0 } };
}

/**
 * Processors of other kinds do not change places, and no journal is lost beside them. A key is remembered for a
 * known time, so that no call may be on its way for longer than that says.
 */
function withKinds(plan: Plan): Plan {
  const { wire, processors } = plan;
  const lateMsMax = Math.min(wire.lateMsMax, LATE_MS_MAX);
  const delaysMs = processors.delaysMs.map((delayMs) => Math.min(delayMs, DELAY_MS_MAX));
  return {
    ...plan,
    exchanges: 0,
    wire: { ...wire, lateMsMax },
    processors: { ...processors, delaysMs },
  };
}

function drawOthers(
  chance: Chance,
  { apart, identity, odd, mood }: Pick<Apart, "apart" | "identity" | "odd" | "mood">,
): Omit<Plan, "tariffs" | "kinds" | "bounds" | "rough" | "dress" | keyof LinkPlan> {
  /** Often nothing at all, so that faults are also met alone. */
  const rate = (max: number) => (chance.happens(0.4) ? 0 : round(chance.next() * max));
  const times = (max: number) => (chance.happens(0.4) ? 0 : chance.between(1, max));
  return {
    apis: chance.between(1, 3),
    patienceMs: chance.pick([0, 300, 2_000, 10_000]),
    processorTimeoutMs: chance.pick([800, 2_500, 8_000]),
    ackTimeoutMs: chance.pick([300, 1_000, 2_000]),
    troubleMs: chance.pick([4_000, 10_000, 20_000]),
    history: chance.happens(0.08) ? chance.between(3_000, 9_000) : 0,
    link: {
      loss: rate(0.3),
      repeat: rate(0.3),
      delayMsMax: chance.pick([0.2, 5, 60, 2_500]),
      partitions: times(3),
      replay: rate(0.1),
      forgery: rate(0.1),
    },
    wire: {
      neverSent: rate(0.2),
      lostBefore: rate(0.2),
      lateMsMax: chance.pick([1, 50, 15_000]),
      lostAfter: rate(0.25),
      serverError: rate(0.1),
    },
    answers: drawAnswers(odd, mood),
    processors: {
      delaysMs: chance.pick([[0], [0, 20, 100], [0, 500, 3_000], [20, 5_000, 60_000]]),
      changes: times(12),
      faultChance: rate(0.3),
      restarts: times(4),
    },
    workerCrashes: times(6),
    powerCuts: times(3),
    apiCrashes: times(4),
    disk: { stallMsMax: chance.pick([0.5, 5, 400]), troubles: times(3) },
    wallSteps: times(3),
    purges: chance.happens(0.2) ? chance.between(1, 2) : 0,
    shop: { repeats: rate(0.4), otherAmounts: rate(0.2), leaves: rate(0.2), stubborn: 0.8 },
    decisions: times(25),
    exchanges: identity.happens(0.8) ? 0 : identity.between(1, 4),
    restores: 0,
    absences: apart.happens(0.4) ? 0 : apart.between(1, 20),
  };
}

function drawAnswers(odd: Chance, mood: Chance): Plan["answers"] {
  const unclear = odd.happens(0.6) ? 0 : round(odd.next() * 0.3);
  const rejections = odd.happens(0.6) ? 0 : odd.between(1, 3);
  const moods = mood.happens(0.6) ? 0 : mood.between(1, 3);
  return { unclear, rejections, moods, zoneless: odd.happens(0.3) };
}

/** Writes one line a group; what is off is left out. */
export function describePlan({ bounds, ...plan }: Plan): string {
  const show = (value: unknown): string => {
    if (Array.isArray(value)) return value.map(show).join("/");
    if (typeof value !== "object" || value === null) return String(value);
    const fields = Object.entries(value).filter(([, entry]) => entry !== 0 && entry !== false);
    return fields.map(([name, entry]) => `${name} ${show(entry)}`).join(", ");
  };
  return Object.entries({ bounds: describeBounds(bounds), ...plan })
    .map(([name, value]) => [name, value === 0 ? "" : show(value)])
    .filter(([, shown]) => shown !== "")
    .map(([name, shown]) => `  ${name}: ${shown}`)
    .join("\n");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
