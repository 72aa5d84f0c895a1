/**
 * Finds what the drill of several machines needs, and installs nothing. Patroni is looked for where
 * `PATRONI` says, or on the PATH; it has to be readable by a user who is not root, which a folder in
 * root's home is not.
 */
import { binaries } from "../../../testing/postgres.ts";
import { run } from "../../../testing/process.ts";

export type Tools = {
  readonly etcd: string;
  readonly patroni: string;
  readonly haproxy: string;
  /** Folder of PostgreSQL's programs. */
  readonly postgres: string;
};

const PATRONI = "patroni[etcd3,psycopg2-binary]==4.1.5";
const PACKAGES = {
  etcd: "etcd-server",
  haproxy: "haproxy",
  ip: "iproute2",
  nsenter: "util-linux",
} as const;

/** Gives them, or one sentence that says what has to be installed. */
export async function findTools(env: NodeJS.ProcessEnv = process.env): Promise<Tools | string> {
  const postgres = binaries();
  const found = Object.keys(PACKAGES).map((name) => [name, Bun.which(name)] as const);
  const paths = Object.fromEntries(found);
  const patroni = Bun.which(env["PATRONI"] ?? "patroni");
  const missing: string[] = found
    .filter(([, path]) => path === null)
    .map(([name]) => PACKAGES[name as keyof typeof PACKAGES]);
  if (postgres === null) missing.push("postgresql");
  const wanted = missing.length === 0 ? [] : [`the packages ${missing.join(", ")}`];
  if (patroni === null) {
    wanted.push(
      `Patroni (python3 -m venv /opt/patroni && /opt/patroni/bin/pip install '${PATRONI}', then PATRONI=/opt/patroni/bin/patroni)`,
    );
  }
  if (wanted.length === 0 && !(await mayHaveNamespaces())) {
    wanted.push("Linux, and a root who may make namespaces");
  }
  const { etcd, haproxy } = paths;
  if (wanted.length === 0 && etcd && haproxy && postgres !== null && patroni !== null) {
    return { etcd, haproxy, postgres, patroni };
  }
  return `this needs ${wanted.join(", and ")}`;
}

async function mayHaveNamespaces(): Promise<boolean> {
  const { code } = await run(["unshare", "--net", "--pid", "--fork", "--mount-proc", "true"]);
  return code === 0;
}
