/**
 * A journal on PostgreSQL for tests: one server for the tests of a file, started when the first asks for
 * it, and a database for each path that a test opens, so that the contract can open one again.
 */
import { systemClock } from "../../../shared/clock.ts";
import { shareOf, type Tariff } from "../../../shared/tariff.ts";
import {
  NO_POSTGRES,
  startPostgres,
  WHY_NO_POSTGRES,
  type Postgres,
} from "../../../testing/postgres.ts";
import type { TcpRelay } from "../../../testing/tcp-relay.ts";
import { NAMES, opened, type Driver, type Opened } from "../journal.fixture.ts";
import { openPostgresJournal, type PostgresOptions } from "../postgres.ts";
import type { PostgresJournal } from "./journal.ts";

let server: Promise<Postgres> | null = null;
const urls = new Map<string, Promise<string>>();

/** Gives an empty database. */
export async function freshDatabase(): Promise<string> {
  server ??= startPostgres({ fsync: false });
  return (await server).database();
}

export async function stopPostgres(): Promise<void> {
  await (await server)?.[Symbol.asyncDispose]();
  server = null;
  urls.clear();
}

/** Asks the database something, as nobody of the gateway. */
export async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  await using sql = new Bun.SQL({ url, max: 1 });
  return [...(await sql.unsafe(text))];
}

export function through(url: string, relay: TcpRelay): string {
  return url.replace(/:\d+\//, `:${relay.port}/`);
}

export type Given = {
  /** Name of the worker. */
  readonly name?: string;
  readonly single?: boolean;
  readonly processors?: readonly string[];
  readonly fee?: Tariff;
};

export function settingsAt(url: string, given: Given = {}) {
  const { name = "ours", single = true, processors = NAMES, fee = shareOf(0.05) } = given;
  const where = { LINK_HOST: "127.0.0.1", LINK_PORT: 1, HTTP_HOST: "127.0.0.1", HTTP_PORT: 2 };
  const PROCESSORS = processors.map((one) => {
    return { name: one, kind: "rinha", url: `http://${one}/`, fee };
  });
  const who = { WORKER_NAME: name, WORKER_ADDRESS: "" };
  return { JOURNAL: url, CLUSTER_ALLOW_SINGLE: single, PROCESSORS, ...who, ...where };
}

export async function openAt(
  url: string,
  options: PostgresOptions = {},
  processors: readonly string[] = NAMES,
): Promise<Opened & { readonly journal: PostgresJournal }> {
  const settings = settingsAt(url, { processors });
  const { journal } = await openPostgresJournal(settings, systemClock, options);
  return { ...opened(journal, () => {}), journal };
}

export const POSTGRES_DRIVER: Driver = {
  name: `on PostgreSQL${NO_POSTGRES}`,
  missing: WHY_NO_POSTGRES,
  async open(path, processors) {
    if (!urls.has(path)) urls.set(path, freshDatabase());
    return openAt((await urls.get(path)) as string, {}, processors);
  },
};
