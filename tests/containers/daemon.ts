/**
 * A Docker daemon of the test's own, in network, mount and process namespaces of its own: it meets no
 * other daemon, no port that is taken and no rule of the machine's firewall, and nothing of it is left
 * when it ends. It has no way out, so nothing can be pulled: base-images.sh makes the base images.
 */
import { mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../..");
const CGROUPS = "/sys/fs/cgroup";
const TOOLS = ["dockerd", "docker", "haproxy", "unshare", "nsenter", "ip", "iptables"];
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const START_MS_MAX = 30_000;

/** Why no daemon can be started here, or null. */
export function whyNoDaemon(): string | null {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "this needs root";
  const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  if (composeCommand() === null) return "neither docker compose nor docker-compose is installed";
  const namespaces = Bun.spawnSync(["unshare", ...NAMESPACES, "true"]);
  return namespaces.exitCode === 0 ? null : `no namespaces: ${namespaces.stderr.toString().trim()}`;
}

export class Daemon implements AsyncDisposable {
  readonly #directory: string;
  readonly #cgroup: string;
  readonly #child: Bun.Subprocess;
  #pid = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#cgroup = `papa-leguas-${process.pid}`;
    const at = (name: string) => join(directory, name);
    const daemon = ["dockerd", "--host", this.host, "--data-root", at("data")];
    daemon.push("--exec-root", at("exec"), "--pidfile", at("pid"));
    daemon.push("--cgroup-parent", `/${this.#cgroup}`);
    const script = 'ip link set lo up && exec "$@"';
    this.#child = Bun.spawn(["unshare", ...NAMESPACES, "sh", "-c", script, "sh", ...daemon], {
      stdin: "ignore",
      stdout: Bun.file(at("log")),
      stderr: Bun.file(at("log")),
    });
  }

  static async start(): Promise<Daemon> {
    const daemon = new Daemon(await mkdtemp(join(tmpdir(), "papa-leguas-docker-")));
    const untilMs = performance.now() + START_MS_MAX;
    while (!(await daemon.#answers())) {
      if (daemon.#child.exitCode === null && performance.now() < untilMs) await Bun.sleep(100);
      else {
        const log = await Bun.file(join(daemon.#directory, "log")).text();
        await daemon[Symbol.asyncDispose]();
        throw new Error(`dockerd does not start:\n${log.split("\n").slice(-10).join("\n")}`);
      }
    }
    const children = `/proc/${daemon.#child.pid}/task/${daemon.#child.pid}/children`;
    daemon.#pid = Number((await Bun.file(children).text()).trim());
    return daemon;
  }

  get host(): string {
    return `unix://${join(this.#directory, "docker.sock")}`;
  }

  /** Before a command: it sees files and processes as the daemon does. */
  get inside(): string[] {
    return ["nsenter", "--target", String(this.#pid), "--mount", "--pid"];
  }

  /** Inside of its namespaces, from the project's root. */
  async run(command: readonly string[], env: Record<string, string> = {}) {
    const enter = ["nsenter", "--target", String(this.#pid), "--net"];
    const child = Bun.spawn([...enter, ...command], {
      cwd: ROOT,
      env: { ...process.env, ...env, DOCKER_HOST: this.host, DOCKER_BUILDKIT: "0" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    return { exitCode: await child.exited, stdout, stderr };
  }

  /** What it prints; rejects when it fails. */
  async output(command: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, env);
    if (exitCode === 0) return stdout.trim();
    throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  }

  /** As a crash does: no command of Docker's, so that its restart policy applies. */
  async crash(container: string): Promise<void> {
    const format = ["--format", "{{.State.Pid}}"];
    const pid = await this.output(["docker", "inspect", ...format, container]);
    await this.output([...this.inside, "sh", "-c", `kill -9 ${pid}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pid > 0) process.kill(this.#pid, "SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    await this.#child.exited;
    clearTimeout(killer);
    await rm(this.#directory, { recursive: true, force: true });
    for (const name of await readdir(CGROUPS).catch(() => [])) {
      await rmdir(join(CGROUPS, name, this.#cgroup)).catch(() => {}); // Not every one has it.
    }
    await rmdir(join(CGROUPS, this.#cgroup)).catch(() => {});
  }

  async #answers(): Promise<boolean> {
    const ask = Bun.spawn(["docker", "version"], {
      env: { ...process.env, DOCKER_HOST: this.host },
      stdio: ["ignore", "ignore", "ignore"],
    });
    return (await ask.exited) === 0;
  }
}

/** Compose v2 where it is installed, else version 1. */
export function composeCommand(): string[] | null {
  const v2 = Bun.spawnSync(["docker", "compose", "version"], { stdio: ["ignore", "pipe", "pipe"] });
  if (v2.exitCode === 0) return ["docker", "compose"];
  return Bun.which("docker-compose") === null ? null : ["docker-compose"];
}
