/** Starts workers over one database, processors for them, and an API that knows them all. */
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { SHARDS } from "../../shared/shards.ts";
import { GatewayClient } from "../../testing/gateway.ts";
import { freePorts } from "../../testing/ports.ts";
import { Child, type Env } from "../../testing/process.ts";
import type { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { cpuMsOf } from "../../testing/proc.ts";
import { bareEnv } from "../../testing/programs.ts";
import { processorsAt, simulateBy } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import type { BenchContext } from "../benchmark.ts";
import { CALLS, CHILD, commandOf } from "./children.ts";

const HOST = "127.0.0.1";
const EVEN_MS_MAX = 60_000;

type Started = { readonly child: Child; readonly link: string; readonly http: GatewayClient };

export class Workers implements AsyncDisposable {
  readonly processors: readonly ProcessorAdmin[];
  readonly #database: string;
  readonly #dist: BenchContext["dist"];
  readonly #settings: Env;
  readonly #started: Started[] = [];
  readonly #ends: AsyncDisposableStack;

  /** Starts the processors; `await using` it, so that all ends with it but the database. */
  static async over(
    database: string,
    { dist }: BenchContext,
    settings: Env = {},
  ): Promise<Workers> {
    const { admins, children } = await simulateBy(commandOf("simulator.ts", dist), CHILD);
    await using ends = new AsyncDisposableStack();
    for (const child of children) ends.use(child);
    return new Workers(database, dist, settings, admins, ends.move());
  }

  private constructor(
    database: string,
    dist: BenchContext["dist"],
    settings: Env,
    processors: readonly ProcessorAdmin[],
    ends: AsyncDisposableStack,
  ) {
    this.#database = database;
    this.#dist = dist;
    this.#settings = settings;
    this.processors = processors;
    this.#ends = ends;
  }

  /** The workers, in the order of their starts. */
  get children(): readonly Child[] {
    return this.#started.map(({ child }) => child);
  }

  /** The HTTP port of the one that was started first, or of another. */
  get http(): GatewayClient {
    return this.httpOf(0);
  }
  httpOf(number: number): GatewayClient {
    return this.#started[number]!.http;
  }

  /** Starts one more, and waits until it is ready. */
  async start(): Promise<Child> {
    const name = `worker-${this.#started.length + 1}`;
    const { link, http } = await freePorts("link", "http");
    const env = bareEnv({
      LOG_LEVEL: "info",
      ...CALLS,
      ...this.#settings,
      WORKER_NAME: name,
      LINK_PORT: String(link),
      HTTP_PORT: String(http),
      JOURNAL: this.#database,
      PROCESSORS: processorsAt(this.processors.map(({ url }) => url)),
    });
    const command = commandOf("worker.ts", this.#dist);
    const child = this.#ends.use(await Child.start({ ...CHILD, name, command, env }));
    const client = new GatewayClient(`http://${HOST}:${http}`);
    this.#started.push({ child, link: `${HOST}:${link}`, http: client });
    return child;
  }

  /** Starts an API that knows the workers there are; gives its port. */
  async startApi(): Promise<number> {
    const { port } = await freePorts("port");
    const env = bareEnv({
      LOG_LEVEL: "info",
      HOST,
      PORT: String(port),
      WORKER_LINK: this.#started.map(({ link }) => link).join(","),
      WORKER_HTTP: this.#started.map(({ http }) => http.url).join(","),
    });
    const command = commandOf("api.ts", this.#dist);
    this.#ends.use(await Child.start({ ...CHILD, name: "api", command, env }));
    return port;
  }

  async untilEven(): Promise<void> {
    const part = SHARDS / this.#started.length;
    await until(
      "each has its part of the shards",
      async () => {
        const map = (await (await this.http.ask("/cluster")).json()) as ClusterMap;
        const even = map.workers.filter(({ shards }) => shards.length === part);
        return even.length === this.#started.length;
      },
      EVEN_MS_MAX,
    );
  }

  cpuMs(): number {
    return this.children.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}
