/**
 * A gateway for tests that hurt it: a worker, two APIs, a relay between them, and processors in this
 * process, whose charges are seen. Nobody but the test starts a process again.
 */
import { join } from "node:path";
import { apiSettings } from "../../api/settings.ts";
import type { Env } from "../../testing/process.ts";
import { seededRandom } from "../../testing/random.ts";
import { Relay } from "../../testing/relay.ts";
import {
  processorsAt,
  siteFor,
  Stack,
  type Programs,
  type Site,
  type StackOptions,
} from "../../testing/stack.ts";
import { IndependentProcessor } from "../independent/processor.ts";
import { purgeAll, type Processor } from "../system/storm/weather.ts";

export type HurtOptions = {
  readonly programs?: Programs;
  readonly random: () => number;
  readonly onDeath?: (text: string) => void;
  /** Folder of journals; without one a folder is made and removed. */
  readonly dataDir?: string;
  /** Further settings of the worker. */
  readonly env?: Env;
  /** Processors, instead of the usual two. */
  readonly simulators?: StackOptions["simulators"];
  /** Chance that one of the usual two is the independent one, for each of them and of the journals. */
  readonly independent?: number;
};

const LINES_MAX = 400;

export async function prepareStack(options: HurtOptions): Promise<HurtStack> {
  const { random, onDeath = () => {}, simulators, independent = 0, ...others } = options;
  const draw = seededRandom(random() * 2 ** 32);
  const relays: Relay[] = [];
  const site = await siteFor({
    ...others,
    ...(simulators === undefined ? {} : { simulators }),
    apis: 2,
    apiEnv: { ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default },
    between: async (port) => {
      relays.push(await Relay.start({ address: "127.0.0.1", port }, random));
      return relays[0] as Relay;
    },
    child: {
      linesMax: LINES_MAX,
      onDeath: (how, lastWords) => onDeath(`${how}: ${lastWords.join(" | ")}`),
    },
  });
  const stack = new HurtStack(site, relays[0] as Relay, () => draw() < independent);
  for (const { name } of independent > 0 ? site.processors.admins : []) {
    const processor = await IndependentProcessor.start(name, seededRandom(draw() * 2 ** 32));
    stack.independents.push(site.ends.use(processor));
  }
  return stack;
}

export class HurtStack extends Stack {
  readonly relay: Relay;
  /** Stands for the simulated one of the same place in some journals. */
  readonly independents: IndependentProcessor[] = [];
  /** Processors of the journal in use. */
  atWork: readonly Processor[];
  /** Sees every charge that comes to a processor, before the processor does. */
  onCharge: (() => void) | null = null;
  readonly #isIndependent: () => boolean;
  #journals = 0;

  constructor(site: Site, relay: Relay, isIndependent: () => boolean) {
    super(site);
    this.relay = relay;
    this.atWork = this.processors;
    this.#isIndependent = isIndependent;
    for (const { model } of site.processors.simulators) {
      const apply = model.apply.bind(model);
      model.apply = (nowMs, call) => {
        if (call.method === "POST" && !/^\/(?:admin|simulator)\//.test(call.path))
          this.onCharge?.();
        return apply(nowMs, call);
      };
    }
  }

  /** Forgets all that was paid before, here and at the processors; before the worker's start. */
  async startAfresh(): Promise<void> {
    const path = join(this.site.dataDir, `payments-${++this.#journals}.db`);
    this.configure({ JOURNAL: `sqlite:${path}` });
    if (this.independents.length > 0) {
      this.atWork = this.processors.map((simulated, i) =>
        this.#isIndependent() ? (this.independents[i] as IndependentProcessor) : simulated,
      );
      for (const one of this.independents) one.onCharge = () => this.onCharge?.();
      this.configure({ PROCESSORS: processorsAt(this.atWork.map(({ url }) => url)) });
    }
    await purgeAll(this.atWork);
  }
}
