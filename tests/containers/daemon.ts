/**
 * A Docker daemon of the test's own, in network, mount and process namespaces of its own: it meets no
 * other daemon, no port that is taken and no rule of the machine's firewall, and nothing of it is left
 * when it ends. It has no way out, so nothing can be pulled: base-images.sh makes the base images.
 */
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { Child, run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../testing/temporary.ts";

const CGROUPS = "/sys/fs/cgroup";
const TOOLS = ["dockerd", "docker", "haproxy", "unshare", "nsenter", "ip", "iptables"];
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 20_000;
const LINES_MAX = 10;

/** The reason why no daemon can be started here, or null. */
export async function whyNoDaemon(): Promise<string | null> {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "this needs root";
  const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  if ((await composeCommand()) === null)
    return "neither docker compose nor docker-compose is installed";
  const { code, err } = await run(["unshare", ...NAMESPACES, "true"]);
  return code === 0 ? null : `no namespaces: ${err.trim()}`;
}

export class Daemon implements AsyncDisposable {
  /** Beginning of a command of Docker Compose's. */
  readonly compose: readonly string[];
  readonly #directory: TemporaryDirectory;
  readonly #cgroup: string;
  readonly #child: Child;
  #pid = 0;

  private constructor(compose: readonly string[]) {
    const directory = temporaryDirectory();
    this.compose = compose;
    this.#directory = directory;
    this.#cgroup = `papa-leguas-${process.pid}`;
    const at = directory.file;
    const daemon = ["dockerd", "--host", this.host, "--data-root", at("data")];
    daemon.push("--exec-root", at("exec"), "--pidfile", at("pid"));
    daemon.push("--cgroup-parent", `/${this.#cgroup}`);
    const script = 'ip link set lo up && exec "$@"';
    this.#child = new Child({
      name: "dockerd",
      command: ["unshare", ...NAMESPACES, "sh", "-c", script, "sh", ...daemon],
      linesMax: LINES_MAX,
    });
    this.#child.start();
  }

  static async start(): Promise<Daemon> {
    const daemon = new Daemon((await composeCommand()) as string[]);
    const untilMs = performance.now() + START_MS_MAX;
    while (!(await daemon.#answers())) {
      if (daemon.#child.isRunning && performance.now() < untilMs) await Bun.sleep(100);
      else {
        await daemon[Symbol.asyncDispose]();
        throw new Error(`dockerd does not start:\n${daemon.#child.errors.join("\n")}`);
      }
    }
    const children = `/proc/${daemon.#child.pid}/task/${daemon.#child.pid}/children`;
    daemon.#pid = Number((await Bun.file(children).text()).trim());
    return daemon;
  }

  get host(): string {
    return `unix://${this.#directory.file("docker.sock")}`;
  }

  /** Beginning of a command that sees files and processes as the daemon does. */
  get inside(): string[] {
    return ["nsenter", "--target", String(this.#pid), "--mount", "--pid"];
  }

  /** Runs a command inside of its namespaces, from the project's root. */
  async run(command: readonly string[], env: Record<string, string> = {}) {
    const enter = ["nsenter", "--target", String(this.#pid), "--net"];
    const { code, out, err } = await run([...enter, ...command], {
      cwd: ROOT,
      env: { ...process.env, ...env, DOCKER_HOST: this.host, DOCKER_BUILDKIT: "0" },
    });
    return { exitCode: code, stdout: out, stderr: err };
  }

  /** Gives what a command prints; rejects when it fails. */
  async output(command: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, env);
    if (exitCode === 0) return stdout.trim();
    throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  }

  /** Ends a container as a crash does: no command of Docker's, so that its restart policy applies. */
  async crash(container: string): Promise<void> {
    const format = ["--format", "{{.State.Pid}}"];
    const pid = await this.output(["docker", "inspect", ...format, container]);
    await this.output([...this.inside, "sh", "-c", `kill -9 ${pid}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pid > 0) process.kill(this.#pid, "SIGTERM");
    const killer = setTimeout(() => this.#child.signal("SIGKILL"), STOP_MS_MAX);
    await this.#child.ended;
    clearTimeout(killer);
    this.#directory[Symbol.dispose]();
    for (const name of await readdir(CGROUPS).catch(() => [])) {
      await rmdir(join(CGROUPS, name, this.#cgroup)).catch(() => {}); // Some controllers have none.
    }
    await rmdir(join(CGROUPS, this.#cgroup)).catch(() => {});
  }

  async #answers(): Promise<boolean> {
    const env = { ...process.env, DOCKER_HOST: this.host };
    return (await run(["docker", "version"], { env })).code === 0;
  }
}

/** Finds Compose v2 where it is installed, else version 1. */
export async function composeCommand(): Promise<string[] | null> {
  const { code } = await run(["docker", "compose", "version"]);
  if (code === 0) return ["docker", "compose"];
  return Bun.which("docker-compose") === null ? null : ["docker-compose"];
}
