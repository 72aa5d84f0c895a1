/**
 * Machines on one machine: each is a network namespace of its own at a bridge, so that a cable can be
 * pulled. Packets are lost then without a word, in both directions, as they are in earnest. All of it lies
 * inside of the namespaces that the drill itself runs in, and is gone with it.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Child, run } from "../../../testing/process.ts";
import { until } from "../../../testing/until.ts";

const BRIDGE = "bridge";
const NET = "10.77.0";
/** Address of the drill itself, from which every machine is seen whose cable is plugged in. */
export const HOME = `${NET}.254`;

export type Process = { readonly pid: number; readonly name: string };

export async function makeBridge(): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("link", "add", BRIDGE, "type", "bridge");
  await ip("addr", "add", `${HOME}/24`, "dev", BRIDGE);
  await ip("link", "set", BRIDGE, "up");
}

export class Machine implements AsyncDisposable {
  readonly name: string;
  readonly address: string;
  /** The namespaces live as long as it does. */
  readonly #holder: Child;
  readonly #netId: string;

  private constructor(name: string, address: string, holder: Child) {
    this.name = name;
    this.address = address;
    this.#holder = holder;
    this.#netId = netOf(holder.pid);
  }

  /** `number` is the last part of its address, below 254. */
  static async make(name: string, number: number): Promise<Machine> {
    const address = `${NET}.${number}`;
    const holder = new Child({
      name,
      command: ["unshare", "--net", "--mount", "sleep", "infinity"],
    });
    holder.start();
    const ours = netOf(process.pid);
    await until(`${name} has a network of its own`, () => netOf(holder.pid) !== ours, 5_000);
    const machine = new Machine(name, address, holder);
    await ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", `${holder.pid}`);
    await ip("link", "set", name, "master", BRIDGE, "up");
    for (const args of [
      ["link", "set", "lo", "up"],
      ["addr", "add", `${address}/24`, "dev", "eth0"],
      ["link", "set", "eth0", "up"],
    ]) {
      await done(machine.command(["ip", ...args]));
    }
    return machine;
  }

  /** The words that run a command there. */
  command(words: readonly string[]): string[] {
    return ["nsenter", `--target=${this.#holder.pid}`, "--net", "--mount", ...words];
  }

  async cut(): Promise<void> {
    await ip("link", "set", this.name, "down");
  }
  async heal(): Promise<void> {
    await ip("link", "set", this.name, "up");
  }

  /** All that runs there, whoever has started it. */
  processes(): Process[] {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0 && pid !== this.#holder.pid && netOf(pid) === this.#netId)
      .map((pid) => ({ pid, name: nameOf(pid) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.processes()) signal(pid, "SIGKILL");
    await this.#holder.kill();
  }
}

/** Does nothing when it is gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in the meantime.
  }
}

function netOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

function ip(...args: readonly string[]): Promise<void> {
  return done(["ip", ...args]);
}

async function done(command: readonly string[]): Promise<void> {
  const { code, err } = await run(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${err.trim()}`);
}
