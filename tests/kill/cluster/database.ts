/**
 * Three machines with a member of etcd and a PostgreSQL under Patroni each, with the settings that
 * docs/CLUSTER.md asks for. Patroni starts, stops and promotes PostgreSQL; who kills it looks for its
 * processes on the machine.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { unprivileged } from "../../../testing/postgres.ts";
import { Child } from "../../../testing/process.ts";
import { bareEnv } from "../../../testing/programs.ts";
import { until } from "../../../testing/until.ts";
import type { Machine } from "./network.ts";
import type { Tools } from "./tools.ts";

const ANSWER_MS_MAX = 1_000;
const BEGIN_MS_MAX = 120_000;
const LINES_MAX = 200;
const DATABASE = "gateway";
const ROLE = "leguas";
export const REST_PORT = 8008;
export const POSTGRES_PORT = 5432;

type Member = { readonly name: string; readonly role: string; readonly state: string };

export class Node {
  readonly machine: Machine;
  readonly etcd: Child;
  readonly patroni: Child;

  constructor(machine: Machine, etcd: Child, patroni: Child) {
    this.machine = machine;
    this.etcd = etcd;
    this.patroni = patroni;
  }

  /** Starts what does not run. */
  start(): void {
    for (const child of [this.etcd, this.patroni]) if (!child.isRunning) child.start();
  }

  /** Pids of PostgreSQL's processes there. */
  postgres(): number[] {
    return this.machine
      .processes()
      .filter(({ name }) => name === "postgres")
      .map(({ pid }) => pid);
  }

  async isPrimary(): Promise<boolean> {
    const answer = await ask(`http://${this.machine.address}:${REST_PORT}/primary`);
    return answer?.ok === true;
  }

  async isEtcdHealthy(): Promise<boolean> {
    const answer = await ask(`http://${this.machine.address}:2379/health`);
    return answer !== null && (await answer.text()).includes('"true"');
  }

  /** Tells what it knows of all of them; null when it does not answer. */
  async members(): Promise<readonly Member[] | null> {
    const answer = await ask(`http://${this.machine.address}:${REST_PORT}/cluster`);
    if (answer?.ok !== true) return null;
    return ((await answer.json()) as { members: readonly Member[] }).members;
  }

  /** Has Patroni copy all of the primary anew, as `patronictl reinit` does. False when it does not take that. */
  async remake(): Promise<boolean> {
    const url = `http://${this.machine.address}:${REST_PORT}/reinitialize`;
    const answer = await ask(url, { method: "POST", body: JSON.stringify({ force: true }) });
    return answer?.ok === true;
  }
}

export class Database {
  readonly nodes: readonly Node[];

  private constructor(nodes: readonly Node[]) {
    this.nodes = nodes;
  }

  /** Begins it, and makes the gateway's role and database. */
  static async begin(
    tools: Tools,
    machines: readonly Machine[],
    folder: string,
  ): Promise<Database> {
    const nodes = await Promise.all(machines.map((one) => nodeAt(one, machines, tools, folder)));
    const database = new Database(nodes);
    for (const node of nodes) node.start();
    await until("the database is whole", () => database.isWhole(), BEGIN_MS_MAX);
    await using admin = new Bun.SQL({ url: await database.urlOf("postgres", "postgres"), max: 1 });
    await admin.unsafe(`CREATE ROLE ${ROLE} LOGIN`);
    await admin.unsafe(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
    return database;
  }

  async primary(): Promise<Node | null> {
    const are = await Promise.all(this.nodes.map((node) => node.isPrimary()));
    return this.nodes.find((_, i) => are[i]) ?? null;
  }

  /** A primary, both standbys behind it and counted, and three members of etcd. */
  async isWhole(): Promise<boolean> {
    const etcd = await Promise.all(this.nodes.map((node) => node.isEtcdHealthy()));
    if (!etcd.every(Boolean)) return false;
    return (await this.strayed())?.length === 0;
  }

  /** Standbys that do not follow the primary, or are not counted; null without a primary. */
  async strayed(): Promise<Node[] | null> {
    const primary = await this.primary();
    const members = await primary?.members();
    if (primary === null || members === null || members === undefined) return null;
    const follows = ({ role, state }: Member) => role === "quorum_standby" && state === "streaming";
    const followers = new Set(members.filter(follows).map(({ name }) => name));
    return this.nodes.filter((node) => node !== primary && !followers.has(node.machine.name));
  }

  async urlOf(role: string = ROLE, name: string = DATABASE): Promise<string> {
    const primary = await this.primary();
    if (primary === null) throw new Error("there is no primary");
    return urlAt(`${primary.machine.address}:${POSTGRES_PORT}`, role, name);
  }
}

export function urlAt(host: string, role: string = ROLE, name: string = DATABASE): string {
  return `postgres://${role}@${host}/${name}`;
}

async function nodeAt(
  machine: Machine,
  machines: readonly Machine[],
  tools: Tools,
  folder: string,
): Promise<Node> {
  const { name, address } = machine;
  const own = join(folder, name);
  mkdirSync(own);
  const as = await unprivileged(own);
  // Its parents are made by somebody else.
  chmodSync(folder, 0o755);
  const config = join(folder, `${name}.yml`);
  await Bun.write(config, configOf(machine, machines, tools, own));
  const at = (port: number) => `http://${address}:${port}`;
  const etcd = {
    name,
    "data-dir": join(own, "etcd"),
    "listen-client-urls": `${at(2379)},http://127.0.0.1:2379`,
    "advertise-client-urls": at(2379),
    "listen-peer-urls": at(2380),
    "initial-advertise-peer-urls": at(2380),
    "initial-cluster": machines.map((one) => `${one.name}=http://${one.address}:2380`).join(","),
    "initial-cluster-token": "leguas",
    "log-level": "error",
  };
  const flags = Object.entries(etcd).map(([flag, value]) => `--${flag}=${value}`);
  const child = (what: string, command: readonly string[]) =>
    new Child({
      name: `${what} of ${name}`,
      command: machine.command([...as, ...command]),
      env: bareEnv({ PYTHONUNBUFFERED: "1", TMPDIR: own }),
      linesMax: LINES_MAX,
    });
  return new Node(
    machine,
    child("etcd", [tools.etcd, ...flags]),
    child("patroni", [tools.patroni, config]),
  );
}

/** Patroni's file; JSON is YAML. */
function configOf(
  { name, address }: Machine,
  machines: readonly Machine[],
  { postgres }: Tools,
  folder: string,
): string {
  return JSON.stringify({
    scope: "leguas",
    name,
    restapi: { listen: `${address}:${REST_PORT}`, connect_address: `${address}:${REST_PORT}` },
    etcd3: { hosts: machines.map((one) => `${one.address}:2379`) },
    bootstrap: {
      dcs: {
        ttl: 20,
        loop_wait: 1,
        retry_timeout: 5,
        primary_start_timeout: 0,
        synchronous_mode: "quorum",
        synchronous_mode_strict: true,
        postgresql: {
          use_pg_rewind: true,
          parameters: {
            restart_after_crash: "off",
            shared_buffers: "64MB",
            wal_keep_size: "256MB",
            // A cut is noticed by these; a minute is the server's own idea.
            wal_receiver_timeout: "5s",
            wal_sender_timeout: "5s",
          },
        },
      },
      initdb: [{ encoding: "UTF8" }, { locale: "C" }, "data-checksums"],
    },
    postgresql: {
      listen: `${address}:${POSTGRES_PORT}`,
      connect_address: `${address}:${POSTGRES_PORT}`,
      data_dir: join(folder, "data"),
      bin_dir: postgres,
      pgpass: join(folder, "pgpass"),
      authentication: {
        superuser: { username: "postgres" },
        replication: { username: "replicator" },
        rewind: { username: "rewinder" },
      },
      parameters: { unix_socket_directories: folder },
      pg_hba: [
        "local all all trust",
        "host all all 10.77.0.0/24 trust",
        "host all all 127.0.0.1/32 trust",
        "host replication all 10.77.0.0/24 trust",
      ],
    },
  });
}

async function ask(url: string, how: RequestInit = {}): Promise<Response | null> {
  return fetch(url, { ...how, signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() => null);
}
