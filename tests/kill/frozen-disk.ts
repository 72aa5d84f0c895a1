/** A disk of its own that can be frozen, so that it answers nothing: an ext4 in a file. */
import { run as runProgram } from "../../testing/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../testing/temporary.ts";

const SIZE = "64M";
/**
 * The disk thaws by itself, however a test ends: a process that waits for a frozen disk cannot be killed.
 */
const FROZEN_S_MAX = 40;

export class FreezingDisk {
  readonly directory: string;
  readonly #folder: TemporaryDirectory;
  /** Outlives us: it thaws the disk when its input ends, or it has waited for too long. */
  #guard: Bun.Subprocess<"pipe", "ignore", "ignore"> | null = null;

  private constructor(folder: TemporaryDirectory) {
    this.#folder = folder;
    this.directory = folder.file("disk");
  }

  static async mount(): Promise<FreezingDisk> {
    const folder = temporaryDirectory();
    const disk = new FreezingDisk(folder);
    const image = folder.file("image");
    const steps = [
      ["mkdir", disk.directory],
      ["truncate", "-s", SIZE, image],
      ["mkfs.ext4", "-q", "-F", image],
      ["mount", "-o", "loop", image, disk.directory],
    ];
    for (const step of steps) {
      if (await run(...step)) continue;
      folder[Symbol.dispose]();
      throw new Error("an image of a disk cannot be mounted");
    }
    return disk;
  }

  async freeze(): Promise<void> {
    const thaw = `read -t ${FROZEN_S_MAX} _; exec fsfreeze -u "$0"`;
    this.#guard = Bun.spawn(["bash", "-c", thaw, this.directory], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
    if (!(await run("fsfreeze", "-f", this.directory))) throw new Error("it cannot be frozen");
  }

  async thaw(): Promise<void> {
    await this.#guard?.stdin.end();
    await this.#guard?.exited;
  }

  async unmount(): Promise<void> {
    await run("umount", this.directory);
    this.#folder[Symbol.dispose]();
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

async function run(...command: string[]): Promise<boolean> {
  return (await runProgram(command)).code === 0;
}
