/**
 * Cuts the power of a worker's machine under load, which is what `bun run kill --power` does. strace writes down
 * what the worker asks of its disk; the worker is killed, and its files are put back as a power cut would have
 * left them. With `JOURNAL_SYNC=full` every payment that was answered 202 is still there, and everything is
 * settled once. With `normal` the newest payments may be gone: those that were answered after the log was synced
 * last, and no others; what is left is a whole journal.
 */
import { rm } from "node:fs/promises";
import { apiSettings } from "../../../api/settings.ts";
import type { Status } from "../../../testing/gateway.ts";
import { integerFrom, pick, seededRandom, uuidFrom } from "../../../testing/random.ts";
import { FROM_SOURCE, siteFor, Stack, type Programs } from "../../../testing/stack.ts";
import { temporaryDirectory } from "../../../testing/temporary.ts";
import { until } from "../../../testing/until.ts";
import { audit, type Violation } from "../../system/audit.ts";
import { collect, statusesOf, untilSettled } from "../../system/storm/collect.ts";
import { compiledPrograms } from "../programs.ts";
import { findingsText, list, type Finding } from "../report.ts";
import { parseTrace } from "../trace.ts";
import { strace, TracedFile } from "./disk.ts";

export type PowerOptions = {
  /** Power cuts with each of the two syncs. */
  readonly cuts: number;
  readonly seed: number;
  readonly source: boolean;
  readonly over: AbortSignal | null;
  readonly log: (text: string) => void;
};

export type PowerReport = {
  readonly seed: number;
  readonly full: Counted;
  readonly normal: Counted;
  readonly violations: readonly Finding[];
};

type Counted = {
  cuts: number;
  /** Cuts before the worker was ready again. */
  atStart: number;
  acknowledged: number;
  /** Bytes that were written and not synced, and that the disk has not. */
  lostBytes: number;
  /** Payments that were answered 202, and are gone. */
  lost: number;
  /** Time between the 202 of one that is gone and the cut, at most. */
  lostMsMax: number;
};

type Acknowledged = {
  readonly amountCents: number;
  readonly atMs: number;
  /** True once no power cut may take it: with `full` from the first, with `normal` once it is synced. */
  isSafe: boolean;
};

const SYNCS = ["full", "normal"] as const;
type Sync = (typeof SYNCS)[number];

const LOG = "-wal";
/** Files of a journal, by what follows its name. */
const FILES = ["", LOG];
const SETTINGS = { PROCESSOR_TIMEOUT_MS: "1500", PATIENCE_MS: "2000" };
const SHOPS = 16;
/** Shops repeat one payment in ten. */
const REPEATED = 0.1;
const AMOUNT_CENTS_MAX = 100_000;
const LOAD_MS = { min: 200, max: 1_500 };
const AT_START = 0.25;
/** From the first write of a start on. */
const START_MS_MAX = 200;
const DELAYS_MS = [0, 5, 50, 300];
/** Under strace everything is slow. */
const READY_MS_MAX = 60_000;
const SETTLE_MS_MAX = 60_000;
const TRACED_MS_MAX = 30_000;
const LINES_SHOWN = 10;
/**
 * Violations of the promises that hold although the newest transactions are gone, and with them payments, and
 * assignments whose calls had left.
 */
const IN_SPITE_OF_LOSS: ReadonlySet<Violation["kind"]> = new Set([
  "answer",
  "missing",
  "wrong-amount",
  "not-charged",
]);

export async function cutPower(options: PowerOptions): Promise<PowerReport> {
  using compiled = options.source ? null : await compiledPrograms(options.log);
  const programs = compiled?.programs ?? FROM_SOURCE;
  const [full, normal] = [
    await new Cuts(options, "full").through(programs),
    await new Cuts(options, "normal").through(programs),
  ];
  const violations = [...full.violations, ...normal.violations];
  return { seed: options.seed, full: full.counted, normal: normal.counted, violations };
}

/** The power cuts of one journal. */
class Cuts {
  readonly counted: Counted = {
    cuts: 0,
    atStart: 0,
    acknowledged: 0,
    lostBytes: 0,
    lost: 0,
    lostMsMax: 0,
  };
  readonly violations: Finding[] = [];
  readonly #options: PowerOptions;
  readonly #sync: Sync;
  /** Draws the cuts, and what each leaves; shops draw as often as they come to it. */
  readonly #random: () => number;
  readonly #shops: () => number;
  /** Payments that were answered 202 and are not known to be gone. */
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Answered since the last cut. */
  #fresh: Acknowledged[] = [];
  #cutAtMs = Number.NaN;

  constructor(options: PowerOptions, sync: Sync) {
    this.#options = options;
    this.#sync = sync;
    this.#random = seededRandom(options.seed + SYNCS.indexOf(sync));
    this.#shops = this.#fork();
  }

  #fork(): () => number {
    return seededRandom(this.#random() * 2 ** 32);
  }

  async through(programs: Programs): Promise<this> {
    using directory = temporaryDirectory();
    const record = directory.file("calls");
    const site = await siteFor({
      programs: { ...programs, worker: [...strace(record), ...programs.worker] },
      dataDir: directory.path,
      env: { ...SETTINGS, JOURNAL_SYNC: this.#sync },
      apiEnv: { ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default },
      child: { readyMsMax: READY_MS_MAX },
    });
    await using stack = new Stack(site);
    try {
      await this.#cutAgainAndAgain(stack, record);
    } catch (error) {
      const { lines, errors } = stack.worker;
      const said = [lines, errors].flatMap((some) => some.slice(-LINES_SHOWN));
      this.#complain([(error as Error).message, ...said].join("\n"));
    }
    return this;
  }

  async #cutAgainAndAgain(stack: Stack, record: string): Promise<void> {
    let files = FILES.map((more) => new TracedFile(stack.journalPath + more, Buffer.alloc(0)));
    await stack.startAll();
    const isOver = () => this.#options.over?.aborted === true || this.violations.length > 0;
    while (this.counted.cuts < this.#options.cuts && !isOver()) {
      if (stack.worker.isReady) await this.#load(stack);
      files = await this.#cut(stack, files, record);
      if (this.#random() < AT_START) {
        await rm(record);
        stack.worker.start();
        // Nobody waits for a worker whose power is cut.
        stack.worker.untilReady().catch(() => {});
        // Before that strace has not got hold of it yet.
        await until("it has written", () => Bun.file(record).size > 0, READY_MS_MAX);
        await Bun.sleep(integerFrom(this.#random, 0, START_MS_MAX));
        if (!stack.worker.isReady) this.counted.atStart++;
        continue;
      }
      await stack.worker.startAndWait();
      await this.#checkAcknowledged(stack);
    }
    if (!stack.worker.isRunning) stack.worker.start();
    await stack.worker.untilReady();
    await this.#audit(stack);
  }

  /** Shops pay until the power is cut, which they notice; processors are slow now and then. */
  async #load({ gateway, processors, worker }: Stack): Promise<void> {
    for (const processor of processors) await processor.setDelay(pick(this.#random, DELAYS_MS));
    const untilMs = performance.now() + integerFrom(this.#random, LOAD_MS.min, LOAD_MS.max);
    const random = this.#shops;
    const ids = [...this.#acknowledged.keys()];
    const shop = async () => {
      while (performance.now() < untilMs && worker.isRunning) {
        const again = random() < REPEATED && ids.length > 0 ? pick(random, ids) : null;
        const id = again ?? uuidFrom(random);
        const known = this.#acknowledged.get(id);
        const amountCents = known?.amountCents ?? integerFrom(random, 1, AMOUNT_CENTS_MAX);
        if ((await gateway.pay(id, amountCents)) !== 202 || known !== undefined) continue;
        // The clock of strace is finer.
        const fresh = { amountCents, atMs: Date.now() + 1, isSafe: this.#sync === "full" };
        this.#acknowledged.set(id, fresh);
        this.#fresh.push(fresh);
        this.counted.acknowledged++;
        ids.push(id);
      }
    };
    const shops = Array.from({ length: SHOPS }, shop);
    // Some of their calls are under way when the power is cut.
    await Promise.race(shops);
  }

  /** Ends the worker, and puts its files as a power cut leaves them. */
  async #cut(stack: Stack, files: readonly TracedFile[], record: string): Promise<TracedFile[]> {
    const { worker, journalPath } = stack;
    this.#cutAtMs = Date.now();
    await worker.kill();
    let text = "";
    await until(
      "strace has written down the end",
      async () => {
        text = await Bun.file(record).text();
        return text.endsWith("+++ killed by SIGKILL +++\n");
      },
      TRACED_MS_MAX,
    );
    const calls = parseTrace(text);
    const after: TracedFile[] = [];
    for (const file of files) {
      file.follow(calls);
      if (!file.explains(await contentOf(file.path))) {
        this.#complain(`${file.path} is not what was written to it: the record is not whole`);
      }
      const { content, lostBytes } = file.afterPowerCut(this.#fork());
      this.counted.lostBytes += lostBytes;
      await Bun.write(file.path, content);
      after.push(new TracedFile(file.path, content));
      if (!file.path.endsWith(LOG)) continue;
      for (const one of this.#fresh) one.isSafe ||= one.atMs < file.syncedAtMs;
    }
    this.#fresh = [];
    // It is memory, and no disk.
    await rm(`${journalPath}-shm`, { force: true });
    this.counted.cuts++;
    this.#options.log(`${this.#sync} ${this.counted.cuts}: ${calls.length} calls of the disk`);
    return after;
  }

  /** Every payment that was answered 202 is there; with `normal` those that the log had when it was synced. */
  async #checkAcknowledged({ gateway }: Stack): Promise<void> {
    for (const [id, status] of await statusesOf(gateway, [...this.#acknowledged.keys()])) {
      const one = this.#acknowledged.get(id)!;
      const { amountCents, atMs, isSafe } = one;
      if (status !== "missing") {
        // A start has found it on the disk.
        one.isSafe = true;
        if (status.amountCents === amountCents) continue;
        this.#complain(`202 for ${amountCents} cents, kept with ${status.amountCents}`, id);
      } else if (isSafe) {
        this.#complain(`answered 202 ${this.#cutAtMs - atMs} ms before the cut, and gone`, id);
      } else {
        this.counted.lost++;
        this.counted.lostMsMax = Math.max(this.counted.lostMsMax, this.#cutAtMs - atMs);
        this.#acknowledged.delete(id);
      }
    }
  }

  /** Everything that is there settles, where a processor has it. */
  async #audit(stack: Stack): Promise<void> {
    await this.#checkAcknowledged(stack);
    for (const processor of stack.processors) await processor.setDelay(0);
    const ids = [...this.#acknowledged.keys()];
    const hasLost = this.counted.lost > 0;
    const mayStay = (_id: string, { status }: Status) => hasLost && status === "conflict";
    const asked = await untilSettled(stack.gateway, ids, SETTLE_MS_MAX, mayStay);
    const answers = [...this.#acknowledged].map(([correlationId, { amountCents }]) => {
      return { correlationId, amountCents, outcome: "accepted" as const };
    });
    const { gateway, processors } = stack;
    const found = audit(await collect(gateway, processors, answers, asked, this.#random));
    this.violations.push(...found.filter(({ kind }) => !hasLost || IN_SPITE_OF_LOSS.has(kind)));
  }

  #complain(text: string, id = `cut ${this.counted.cuts}`): void {
    this.violations.push({ kind: id.length === 36 ? "missing" : "process", id, text });
  }
}

async function contentOf(path: string): Promise<Buffer> {
  const file = Bun.file(path);
  return (await file.exists()) ? Buffer.from(await file.arrayBuffer()) : Buffer.alloc(0);
}

export function powerText(report: PowerReport): string {
  const about = (sync: Sync) => {
    const { lostBytes, ...counts } = report[sync];
    return `${sync.padEnd(14)}${list({ ...counts, lostKb: Math.round(lostBytes / 1_024) })}`;
  };
  const lines = ["", `seed          ${report.seed}`, ...SYNCS.map(about)];
  return `${[...lines, ...findingsText({ ...report, evidence: [] })].join("\n")}\n`;
}
