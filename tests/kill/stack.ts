/**
 * A gateway for tests that hurt it: a worker, two APIs, a relay between them, and simulated processors
 * in this process, whose charges are seen. Nobody but the test starts a process again.
 */
import { join } from "node:path";
import { Relay } from "../../testing/relay.ts";
import type { Env } from "../../testing/process.ts";
import {
  siteFor,
  Stack,
  type Programs,
  type Site,
  type StackOptions,
} from "../../testing/stack.ts";

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
};

const LINES_MAX = 400;

export async function prepareStack(options: HurtOptions): Promise<HurtStack> {
  const { random, onDeath = () => {}, simulators, ...others } = options;
  const relays: Relay[] = [];
  const site = await siteFor({
    ...others,
    ...(simulators === undefined ? {} : { simulators }),
    apis: 2,
    between: async (port) => {
      relays.push(await Relay.start({ address: "127.0.0.1", port }, random));
      return relays[0] as Relay;
    },
    child: {
      linesMax: LINES_MAX,
      onDeath: (how, lastWords) => onDeath(`${how}: ${lastWords.join(" | ")}`),
    },
  });
  return new HurtStack(site, relays[0] as Relay);
}

export class HurtStack extends Stack {
  readonly relay: Relay;
  /** Sees every charge that comes to a processor, before the processor does. */
  onCharge: (() => void) | null = null;
  #journals = 0;

  constructor(site: Site, relay: Relay) {
    super(site);
    this.relay = relay;
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
    for (const processor of this.processors) {
      // A call that was given up may still wait out its delay there, and would be recorded after
      // the purge: a processor that dies takes it with it.
      await processor.setDown(true);
      await processor.setDown(false);
      await processor.purge();
    }
  }
}
