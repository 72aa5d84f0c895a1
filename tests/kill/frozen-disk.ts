/** A disk of its own that can be frozen, so that it answers nothing: an ext4 in a file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SIZE = "64M";
/** However a test ends: nobody can be killed who waits for a frozen disk. */
const FROZEN_S_MAX = 40;

export class FreezingDisk {
  readonly directory: string;
  readonly #folder: string;
  /** Outlives us: it thaws the disk when its input ends, or it has waited for too long. */
  #guard: Bun.Subprocess<"pipe", "ignore", "ignore"> | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.directory = join(folder, "disk");
  }

  static async mount(): Promise<FreezingDisk> {
    const folder = await mkdtemp(join(tmpdir(), "papa-leguas-frozen-"));
    const disk = new FreezingDisk(folder);
    const image = join(folder, "image");
    const steps = [
      ["mkdir", disk.directory],
      ["truncate", "-s", SIZE, image],
      ["mkfs.ext4", "-q", "-F", image],
      ["mount", "-o", "loop", image, disk.directory],
    ];
    if (steps.every((step) => run(...step))) return disk;
    await rm(folder, { recursive: true });
    throw new Error("an image of a disk cannot be mounted");
  }

  freeze(): void {
    const thaw = `read -t ${FROZEN_S_MAX} _; exec fsfreeze -u "$0"`;
    this.#guard = Bun.spawn(["bash", "-c", thaw, this.directory], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
    if (!run("fsfreeze", "-f", this.directory)) throw new Error("it cannot be frozen");
  }

  async thaw(): Promise<void> {
    await this.#guard?.stdin.end();
    await this.#guard?.exited;
  }

  async unmount(): Promise<void> {
    run("umount", this.directory);
    await rm(this.#folder, { recursive: true });
  }
}

export async function whyNoDisk(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "skipped: only root may freeze a disk";
  const absent = ["mkfs.ext4", "mount", "fsfreeze", "bash"].find((it) => Bun.which(it) === null);
  if (absent !== undefined) return `skipped: ${absent} is not here`;
  try {
    await (await FreezingDisk.mount()).unmount();
    return null;
  } catch (error) {
    return `skipped: ${(error as Error).message}`;
  }
}

function run(...command: string[]): boolean {
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  return Bun.spawnSync(command, quiet).exitCode === 0;
}
