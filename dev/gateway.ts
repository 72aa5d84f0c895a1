/**
 * Runs the processes of a gateway for development until somebody stops it: the plan's, what stands before
 * the dashboard, and on a game day the weather with its shop. A database is started for several workers.
 */
import { startFront } from "./front.ts";
import { GameDay } from "./gameday.ts";
import { processesOf, workersOf } from "./plan.ts";
import { print, printPage } from "./output.ts";
import { untilApiReady, whoAnswers } from "./readiness.ts";
import type { Scenario } from "./scenarios.ts";
import type { DevSettings } from "./settings.ts";
import { Shop } from "./shop.ts";
import { onStop } from "./signals.ts";
import { Supervisor } from "./supervisor.ts";
import { welcome } from "./welcome.ts";
import { exitWith } from "../shared/process.ts";
import { urlOf } from "../simulator/server.ts";
import { startPostgres } from "../testing/postgres.ts";

/** Time for the last words; their reader may not be reading any more. */
const LAST_WORD_MS_MAX = 500;

export type GatewayOptions = {
  readonly settings: DevSettings;
  readonly scenario: Scenario | null;
  /** Two workers over one database, instead of one with a file. */
  readonly isCluster: boolean;
  /** A proxy was taken out of the environment. */
  readonly behindProxy: boolean;
};

/** Ends the process. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const { settings, scenario, isCluster, behindProxy } = options;
  const postgres = isCluster ? await startPostgres().catch(exitWith) : null;
  const database = (await postgres?.database()) ?? null;
  const shop = scenario === null ? null : new Shop();
  const supervisor = new Supervisor(processesOf(settings, process.env, { shop, database }));
  const gameDay = new GameDay(settings, shop);
  const workers = workersOf(settings, isCluster);
  const origins = workers.map(({ http }) => http);
  const front = startFront(settings, origins, gameDay, async () => {
    const [answering = workers[0]] = await whoAnswers(workers);
    supervisor.crash(answering?.name ?? "");
  });
  onStop(
    async () => {
      await front.stop();
      const code = await supervisor.stop();
      await shop?.[Symbol.asyncDispose]();
      await postgres?.[Symbol.asyncDispose]();
      await Promise.race([print("dev", "everything is stopped"), Bun.sleep(LAST_WORD_MS_MAX)]);
      process.exit(code);
    },
    () => {
      supervisor.kill();
      postgres?.child.signal("SIGKILL");
      process.exit(1);
    },
  );

  try {
    await supervisor.start();
    await untilApiReady(settings);
    await printPage(
      welcome(settings, {
        behindProxy,
        dashboard: front.url,
        scenario: scenario?.name ?? null,
        isCluster,
      }),
    );
    shop?.begin(urlOf(settings.HOST, settings.PORT), (text) => void print("shop", text));
    if (scenario !== null) await gameDay.play(scenario);
  } catch (error) {
    // A stop during the start ends the process by itself.
    if (!supervisor.stopping) {
      await supervisor.stop();
      await postgres?.[Symbol.asyncDispose]();
      exitWith(error as Error);
    }
  }
}
