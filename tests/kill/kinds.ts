/**
 * The kill loop's processors under `--kinds`: one of each kind, and fees that change. `default` speaks the
 * contest's contract. `cards` stands in for Stripe, with keys of a day. `brief` does, too, by an adapter of the
 * test's own which promises a few seconds; its keys end soon after, and its search is later than that, so that
 * whoever sends anything after the promise charges twice. Both decline some amounts.
 *
 * A payment that its processor may have forgotten waits for an operator, and so does one that was declined after an
 * attempt without an answer. Here the operator knows the processor's records, and decides only what is not in them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StripeForm } from "../../simulator/processor/stripe.ts";
import type { Curve } from "../../shared/http-api/dashboard.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { cardFor, isDeclined } from "../../testing/cards.ts";
import { eachOf } from "../../testing/each.ts";
import { queryOf, type Status } from "../../testing/gateway.ts";
import { ROOT } from "../../testing/programs.ts";
import { pick } from "../../testing/random.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import type { Violation } from "../system/audit.ts";
import { drawWindows, type Statuses } from "../system/storm/collect.ts";
import { auditFees, auditMoney, recount, type Start, type Terms } from "./recount.ts";
import { prepareStack, type HurtOptions, type HurtStack } from "./stack.ts";

const NAMES = ["default", "cards", "brief"] as const;
const REMEMBERS_MS = 3_000;
/** Beyond the promise: a stopped process sends late (3 s), a call waits there (2 s), and clocks are coarse. */
const FORGETS_MS = 12_000;
const SEARCH_BEHIND_MS = 14_000;
const SENDS_LATE_MS = 4_000;
/** Time after which no call that was given up is under way any more. */
const QUIET_MS = 4_000;
const WINDOWS = 20;
/** Rows of a busy machine are summed in this time, or something is wrong. */
const CURVE_MS_MAX = 60_000;
const TOKEN = "a token of the kill loop";
const GROUNDS = { who: "the kill loop", why: "its processor's records" };

/** Fees of every form, near enough to each other that the amount decides which is the cheapest. */
const FEES: readonly Terms[] = [
  { percent: "5" },
  { percent: "4.9999" },
  { percent: "0.0001" },
  { percent: "2.9", fixed: "0.30" },
  { percent: "2.9", fixed: "0.30", rounding: "half-even" },
  { percent: "5.5", rounding: "half-up" },
  { percent: "3.99", fixed: "0.39", min: "0.50", max: "40", rounding: "half-up" },
  { fixed: "1.01" },
];

export class Kinds {
  readonly stack: HurtStack;
  /** Payments that were decided by hand. */
  decided = 0;
  /** Starts at which a fee was another one than before. */
  feeChanges = 0;
  readonly #random: () => number;
  readonly #file: string;
  #starts: Start[] = [];
  #healedAtMs = 0;
  /** Instant of the newest charge of each id that came to `brief`. */
  readonly #sentAtMs = new Map<string, number>();

  static async prepare(options: HurtOptions): Promise<Kinds> {
    const directory = temporaryDirectory();
    const form = (forgetAfterMs: number, searchBehindMs: number) =>
      new StripeForm({ forgetAfterMs, searchBehindMs, paymentMethod: cardFor });
    const stack = await prepareStack({
      ...options,
      simulators: [
        { name: "default", fee: 0.05 },
        { name: "cards", fee: 0.05, form: form(86_400_000, 0) },
        { name: "brief", fee: 0.05, form: form(FORGETS_MS, SEARCH_BEHIND_MS) },
      ],
      env: {
        ...options.env,
        PROCESSORS: undefined,
        PROCESSORS_FILE: directory.file("processors.json"),
        CARDS_KEY: "sk_test_kill",
        ADMIN_TOKEN: TOKEN,
      },
    });
    stack.site.ends.defer(() => directory[Symbol.dispose]());
    const stripe = JSON.stringify(join(ROOT, "worker/processor/adapters/stripe.ts"));
    const adapter = `import { stripeIn } from ${stripe};
      export default { ...stripeIn("BRL"), remembersForMs: ${REMEMBERS_MS} };`;
    writeFileSync(directory.file("brief.ts"), adapter);
    return new Kinds(stack, directory.file("processors.json"), options.random);
  }

  private constructor(stack: HurtStack, file: string, random: () => number) {
    this.stack = stack;
    this.#file = file;
    this.#random = random;
    const { worker } = stack;
    const start = worker.start.bind(worker);
    worker.start = () => {
      this.#configure();
      start();
    };
    const { model } = stack.site.processors.simulators[NAMES.indexOf("brief")]!;
    const apply = model.apply.bind(model);
    model.apply = (nowMs, call) => {
      if (call.key) this.#sentAtMs.set(call.key, Date.now());
      return apply(nowMs, call);
    };
  }

  /** Another journal begins, which knows nothing of fees. */
  beginAfresh(): void {
    this.#starts = [];
    this.#sentAtMs.clear();
  }

  healed(): void {
    this.#healedAtMs = Date.now();
  }

  /** True for a payment that nobody but an operator can bring to an end. */
  isAnOperators = (id: string, status: Status): boolean => {
    const { processor, requestedAtMs, amountCents } = status;
    if (status.status !== "unknown" || requestedAtMs === null) return false;
    const at = NAMES.findIndex((name) => name === processor);
    const isThere = this.stack.site.processors.simulators[at]!.model.records.get(id) !== undefined;
    if (isThere || at === 0 || Date.now() < this.#healedAtMs + QUIET_MS) return false;
    const isOutlived = Date.now() > requestedAtMs + REMEMBERS_MS + QUIET_MS;
    return processor === "brief" ? isOutlived : isDeclined(amountCents);
  };

  /** Decides as an operator who has asked the processor's people. Gives what was refused. */
  async decide(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    this.decided += ids.length;
    const held = await eachOf(ids, (id) => this.#operate(id, "hold", {}));
    await Bun.sleep(QUIET_MS);
    const evidence = "there is no such record";
    const absent = await eachOf(ids, (id) =>
      this.#operate(id, "absent", { evidence, unasked: true }),
    );
    return [...held, ...absent].filter((complaint) => complaint !== null);
  }

  /** Says what was sent after the promise was over, as of these statuses. */
  auditSent(statuses: Statuses): Violation[] {
    return [...this.#sentAtMs].flatMap(([id, atMs]) => {
      const status = statuses.get(id);
      if (status === undefined || status === "missing" || status.processor !== "brief") return [];
      const lateMs = atMs - (status.requestedAtMs as number) - REMEMBERS_MS;
      if (lateMs <= SENDS_LATE_MS) return [];
      const text = `sent ${lateMs} ms after ${REMEMBERS_MS} ms, for which brief knows it`;
      return [{ kind: "sent-late" as const, id, text }];
    });
  }

  /** An outlived payment is said to be an operator's, by the incident of that name. */
  async auditLeft(ids: readonly string[], statuses: Statuses): Promise<Violation[]> {
    const id = ids.find((one) => (statuses.get(one) as Status).processor === "brief");
    if (id === undefined) return [];
    const kind = "not-sent-again";
    const isTold = async () => {
      const { incidents } = (await this.stack.workerHttp.live()) as LiveSnapshot;
      return incidents.some((one) => one.incident === kind && one.ended === null);
    };
    return until("it is told", isTold, 15_000).then(
      () => [],
      () => [{ kind: "unsettled", id, text: `nothing says ${kind}` }],
    );
  }

  /** Compares every fee that is told with a recount. */
  async auditMoney(statuses: Statuses, random: () => number): Promise<Violation[]> {
    const instants = [...statuses.values()].flatMap((status) =>
      status === "missing" || status.requestedAtMs === null ? [] : [status.requestedAtMs],
    );
    const windows = drawWindows(random, instants).slice(0, WINDOWS);
    const rows = recount(statuses, this.#starts);
    const violations = auditFees(rows);
    // Windows are asked one after the other: counting here keeps answers waiting.
    for (const window of windows) {
      const path = `/dashboard/curve${queryOf(window)}`;
      const answer = await this.stack.gateway.ask(path, CURVE_MS_MAX);
      const { money } = (await answer.json()) as Curve;
      violations.push(...auditMoney(rows, window, money));
    }
    return violations;
  }

  /** Writes the file that the next worker is started with. */
  #configure(): void {
    const before = this.#starts.at(-1)?.fees;
    // The second start has other fees in any case, so that a short run has seen it.
    const isChanged = before === undefined || this.#starts.length === 1 || this.#random() < 0.5;
    const fees = isChanged
      ? Object.fromEntries(NAMES.map((name) => [name, pick(this.#random, FEES)]))
      : before;
    if (isChanged && before !== undefined) this.feeChanges++;
    const kinds = { default: "rinha", cards: "stripe", brief: "./brief.ts" };
    const processors = this.stack.site.processors.simulators.map(({ name, url }) => {
      const kind = kinds[name as (typeof NAMES)[number]];
      const secret = kind === "rinha" ? {} : { secret: { env: "CARDS_KEY" } };
      return { name, kind, url, fee: fees[name], ...secret };
    });
    writeFileSync(this.#file, JSON.stringify({ currency: "BRL", processors }));
    this.#starts.push({ atMs: Date.now(), fees });
  }

  async #operate(id: string, action: string, more: object): Promise<string | null> {
    const url = `${this.stack.workerHttp.url}/operator/payments/${id}/${action}`;
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ ...GROUNDS, ...more }),
    });
    const text = await answer.text();
    return answer.ok ? null : `${action} of ${id} was answered ${answer.status}: ${text}`;
  }
}
