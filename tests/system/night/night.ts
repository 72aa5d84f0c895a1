/**
 * The stage of the night: a gateway of two APIs with its processors, a disk that can fill and die, shops,
 * and what whoever is on call can look at: log, page, readiness, alerts.
 */
import { join } from "node:path";
import type { LiveSnapshot } from "../../../shared/http-api/live.ts";
import type { Readiness, Reason } from "../../../shared/http-api/readiness.ts";
import type { GatewayClient } from "../../../testing/gateway.ts";
import type { ProcessorAdmin } from "../../../testing/processor-admin.ts";
import { run, type Child } from "../../../testing/process.ts";
import { fromSource, ROOT } from "../../../testing/programs.ts";
import { SmallDisk } from "../../../testing/small-disk.ts";
import { processorsAt, siteFor, Stack } from "../../../testing/stack.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../../testing/temporary.ts";
import type { Simulator } from "../../../simulator/server.ts";
import { recordedAs } from "../../../worker/audit/books.fixture.ts";
import { writtenBy } from "../../../worker/journal/migrations.fixture.ts";
import { firing, IS_MISSING, type Pages } from "../../metrics/promtool.ts";
import { Shops } from "./shops.ts";

const DISK = "16m";
const SECRET = "the secret of the night";
const TOKEN = "the token of whoever is on call";
/** The oldest format that is upgraded. */
const EARLIER = "0230981";

export type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
};
type Groups = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };

const alerts = await Bun.file(join(ROOT, "docs", "alerts.yml")).text();
export const rules = (Bun.YAML.parse(alerts) as Groups).groups.flatMap((group) => group.rules);

type Stage = Pick<Night, "disk" | "stack" | "shops">;

export class Night implements AsyncDisposable {
  readonly disk: SmallDisk;
  readonly stack: Stack;
  readonly shops: Shops;
  readonly #ends: AsyncDisposableStack;
  readonly #copies: TemporaryDirectory;
  #copied = 0;

  /** Ends with APIs that run and shops that are open, before the worker of this version. */
  static async begin(): Promise<Night> {
    await using ends = new AsyncDisposableStack();
    const disk = ends.use(await SmallDisk.mount(DISK));
    const site = await siteFor({
      apis: 2,
      dataDir: disk.path,
      env: {
        LINK_SECRET: SECRET,
        ADMIN_TOKEN: TOKEN,
        PROCESSOR_TIMEOUT_MS: "300",
        PATIENCE_MS: "1000",
      },
      apiEnv: { LINK_SECRET: SECRET },
    });
    const stack = ends.use(new Stack(site));
    writtenBy(EARLIER, stack.journalPath);
    for (const [number, { model }] of site.processors.simulators.entries()) {
      for (const row of recordedAs(stack.journalPath, number).records.values()) {
        model.records.insert(row);
      }
    }
    await Promise.all(stack.apis.map((api) => api.startAndWait()));
    const shops = ends.use(new Shops(stack.gateways));
    const night = new Night({ disk, stack, shops }, ends.move());
    night.processorsAt(stack.processors.map(({ url }) => url));
    return night;
  }

  private constructor({ disk, stack, shops }: Stage, ends: AsyncDisposableStack) {
    this.disk = disk;
    this.stack = stack;
    this.shops = shops;
    this.#ends = ends;
    this.#copies = ends.use(temporaryDirectory());
  }

  get worker(): Child {
    return this.stack.worker;
  }
  get secondApi(): Child {
    return this.stack.apis[1] as Child;
  }
  /** The cheapest processor: its calls, and it itself. */
  get cheapest(): ProcessorAdmin {
    return this.stack.processors[0] as ProcessorAdmin;
  }
  get #cheapestItself(): Simulator {
    return this.stack.site.processors.simulators[0] as Simulator;
  }

  /** Addresses of the processors, from the worker's next start on. */
  processorsAt(urls: readonly string[]): void {
    this.stack.configure({ PROCESSORS: processorsAt(urls, ";audit-token=123") });
  }

  /** Runs a command with the worker's settings, as whoever is on call does; it has to succeed. */
  async command(...args: string[]): Promise<string> {
    const env = { ...this.worker.env, USER: "ana" };
    const { code, out, err } = await run(fromSource("worker.ts", ...args), { env });
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code}: ${out}${err}`);
    return out;
  }

  async backup(): Promise<string> {
    const to = this.#copies.file(`${++this.#copied}.db`);
    await this.command("backup", to);
    return to;
  }

  /** Replaces it without waiting for what it has under way: its shops repeat that. */
  async replaceSecondApi(secret = SECRET): Promise<void> {
    await this.secondApi.kill();
    this.secondApi.env = { ...this.secondApi.env, LINK_SECRET: secret };
    await this.secondApi.startAndWait();
  }

  /** Has the cheapest processor record a payment that nobody sent, until it is taken back. */
  chargeByItself(amountCents: number): () => void {
    const { records } = this.#cheapestItself.model;
    const nowMs = Date.now();
    const correlationId = crypto.randomUUID();
    records.insert({ correlationId, amountCents, requestedAtMs: nowMs, recordedAtMs: nowMs });
    return () => {
      const rows = [...records.values()].filter((row) => row.correlationId !== correlationId);
      records.purge();
      for (const row of rows) records.insert(row);
    };
  }

  /** The sentence on top of the page; without a worker, what the page is told instead. */
  async sentence(): Promise<string> {
    const answer = await this.stack.gateway.ask("/dashboard/live?once");
    if (answer.ok) return ((await answer.json()) as LiveSnapshot).standing.text;
    return ((await answer.json()) as { readonly detail: string }).detail;
  }

  /** Readiness of worker and APIs, each as `503 code` or, with its warnings, as `200 (code)`. */
  async readiness(): Promise<string[]> {
    const { workerHttp, gateways } = this.stack;
    return Promise.all([workerHttp, ...gateways].map(readinessOf));
  }

  async pages(): Promise<Pages> {
    const [first, second] = this.stack.gateways as [GatewayClient, GatewayClient];
    return {
      "papa-leguas-worker:worker": await pageOf(this.stack.workerHttp),
      "papa-leguas-api:api-1": await pageOf(first),
      "papa-leguas-api:api-2": await pageOf(second),
    };
  }

  /** Names the alerts that would fire if it went on as between two scrapes; null: nobody can tell here. */
  async alerts(earlier: Pages): Promise<string[] | null> {
    return IS_MISSING ? null : firing(rules, await this.pages(), earlier);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}

async function readinessOf(client: GatewayClient): Promise<string> {
  const answer = await client.ask("/readyz?verbose").catch(() => null);
  if (answer === null) return "gone";
  const { reasons, warnings } = (await answer.json()) as Readiness;
  const codes = (some: readonly Reason[]) => some.map(({ code }) => code).join(", ");
  const warned = warnings.length === 0 ? "" : `(${codes(warnings)})`;
  return [answer.status, codes(reasons), warned].filter((part) => part !== "").join(" ");
}

async function pageOf(client: GatewayClient): Promise<string | null> {
  return client.metrics().catch(() => null);
}
