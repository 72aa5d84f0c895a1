/**
 * Runs a PostgreSQL of Debian's packages, in a folder of its own and on a port of its own, for tests
 * that need a real one. It does not start as root: then it runs as the system's `postgres` or `nobody`.
 * Each test asks for a database of its own in the server that its file has started. Where PostgreSQL is
 * not installed such tests are skipped, and their names say what is missing.
 */
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onceGone } from "./guard.ts";
import { freePorts } from "./ports.ts";
import { Child, run } from "./process.ts";
import { until } from "./until.ts";

const BINARIES = "/usr/lib/postgresql";
const VERSION_MIN = 15;
const OWNER = "leguas";

export const WHY_NO_POSTGRES =
  binaries() === null ? "skipped: there is no PostgreSQL 15, of the package postgresql" : null;
/** End of the name of a test that needs it. */
export const NO_POSTGRES = WHY_NO_POSTGRES === null ? "" : ` (${WHY_NO_POSTGRES})`;

const QUICK = { fsync: "off", full_page_writes: "off", autovacuum: "off" };

export type PostgresOptions = {
  /** Off: quicker, and a power cut would lose what it has; for tests that cut no power. */
  readonly fsync?: boolean;
  /** Further settings of the server, as `postgres -c` takes them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Servers that copy this one; a commit waits until one of them has it. None without it. */
  readonly standbys?: number;
};

export type Postgres = AsyncDisposable & {
  readonly port: number;
  readonly child: Child;
  /** In the order of their names, which are `standby_1` and so on. */
  readonly standbys: readonly Child[];
  /** Makes an empty database; gives the URL of it. */
  database(): Promise<string>;
};

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const found = binaries();
  if (found === null) throw new Error("there is no PostgreSQL 15: install the package postgresql");
  const folder = mkdtempSync(join(tmpdir(), "papa-leguas-postgres-"));
  const forget = onceGone(`sleep 1; rm -rf ${folder}`);
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
    forget();
  };
  const as = await unprivileged(folder);
  const data = join(folder, "data");
  const initdb = [...as, join(found, "initdb"), "-D", data, "-A", "trust", "-U", OWNER];
  const made = await run([...initdb, "--no-sync", "-E", "UTF8", "--locale=C"], { cwd: folder });
  if (made.code !== 0) {
    remove();
    throw new Error(`initdb: ${made.err.trim()}`);
  }
  const { port } = await freePorts("port");
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    port: String(port),
    ...(options.fsync === false ? QUICK : {}),
    ...options.settings,
  };
  const command = [...as, join(found, "postgres"), "-D", data, ...flagsOf(settings)];
  const child = new Child({ command, name: "postgres", cwd: folder });
  child.start();
  const admin = new Bun.SQL({ url: urlOf(port, "postgres"), max: 1 });
  const standbys: Child[] = [];
  let databases = 0;
  const stop = async () => {
    await admin.close({ timeout: 0 });
    // It ends at once then, whoever is connected; after a SIGTERM it would wait for them.
    for (const server of [...standbys, child]) {
      server.signal("SIGINT");
      // A stopped server hears it only when it goes on.
      server.signal("SIGCONT");
      await server.ended;
    }
    remove();
  };
  try {
    await until("PostgreSQL answers", async () => {
      return admin.unsafe("SELECT 1").then(
        () => true,
        () => false,
      );
    });
    for (let number = 1; number <= (options.standbys ?? 0); number++) {
      const name = `standby_${number}`;
      const copy = join(folder, name);
      const from = `host=127.0.0.1 port=${port} user=${OWNER} application_name=${name}`;
      const backup = [...as, join(found, "pg_basebackup"), "-d", from, "-D", copy];
      const copied = await run([...backup, "-R", "-c", "fast", "--no-sync"], { cwd: folder });
      if (copied.code !== 0) throw new Error(`pg_basebackup: ${copied.err.trim()}`);
      const own = { ...settings, port: String((await freePorts("port")).port) };
      const follow = [...as, join(found, "postgres"), "-D", copy, ...flagsOf(own)];
      const standby = new Child({ command: follow, name, cwd: folder });
      standby.start();
      standbys.push(standby);
    }
    if (standbys.length > 0) await waitForOneOf(admin, standbys.length);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    child,
    standbys,
    async database() {
      const name = `journal_${++databases}`;
      await admin.unsafe(`CREATE DATABASE ${name}`);
      return urlOf(port, name);
    },
    [Symbol.asyncDispose]: stop,
  };
}

function flagsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Makes every commit wait for one of so many standbys, as soon as all of them follow. */
async function waitForOneOf(admin: Bun.SQL, standbys: number): Promise<void> {
  const names = Array.from({ length: standbys }, (_, at) => `standby_${at + 1}`).join(", ");
  await admin.unsafe(`ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (${names})'`);
  await admin.unsafe("SELECT pg_reload_conf()");
  await until("all standbys follow", async () => {
    const [row] = await admin.unsafe(
      "SELECT count(*)::int AS n FROM pg_stat_replication WHERE sync_state = 'quorum'",
    );
    return row.n === standbys;
  });
}

function urlOf(port: number, database: string): string {
  return `postgres://${OWNER}@127.0.0.1:${port}/${database}`;
}

/** Folder of the newest version's programs, or null. */
export function binaries(): string | null {
  if (!existsSync(BINARIES)) return null;
  const versions = readdirSync(BINARIES)
    .map(Number)
    .filter((version) => version >= VERSION_MIN);
  const found = versions.sort((a, b) => b - a).map((version) => `${BINARIES}/${version}/bin`);
  return found.find((folder) => existsSync(`${folder}/initdb`)) ?? null;
}

/** Gives the folder to a user who is not root; the words that start a command as that user. */
export async function unprivileged(folder: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const id = async (flag: string, user: string) =>
    Number((await run(["id", flag, user])).out.trim() || Number.NaN);
  for (const user of ["postgres", "nobody"]) {
    const [uid, gid] = [await id("-u", user), await id("-g", user)];
    if (!Number.isInteger(uid) || !Number.isInteger(gid)) continue;
    chownSync(folder, uid, gid);
    return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  }
  throw new Error("PostgreSQL does not start as root, and there is no user postgres or nobody");
}
