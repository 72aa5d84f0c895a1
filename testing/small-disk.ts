/** A small disk of its own, a tmpfs, that a test fills or takes away. Only root can have one. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { run } from "./process.ts";
import { temporaryDirectory } from "./temporary.ts";

export class SmallDisk implements AsyncDisposable {
  readonly #size: string;
  readonly #directory = temporaryDirectory();

  static async mount(size: string): Promise<SmallDisk> {
    const disk = new SmallDisk(size);
    if (!(await mount(disk.path, size))) throw new Error("a tmpfs could be mounted a moment ago");
    return disk;
  }

  private constructor(size: string) {
    this.#size = size;
  }

  get path(): string {
    return this.#directory.path;
  }

  /** Takes all the room that there is. */
  fill(): void {
    const file = openSync(this.#filler, "w");
    try {
      for (let bytes = Buffer.alloc(64 * 1024); bytes.length > 0;) {
        try {
          writeSync(file, bytes);
        } catch {
          // The room left is smaller than that.
          bytes = bytes.subarray(0, Math.floor(bytes.length / 2));
        }
      }
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.#filler);
  }

  /** Takes it from under whoever uses it, with all that is on it. */
  async lose(): Promise<void> {
    await run(["umount", "--lazy", this.path]);
  }

  /** Puts an empty one in the place of one that was lost. */
  async replace(): Promise<void> {
    if (!(await mount(this.path, this.#size))) throw new Error("no second tmpfs");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["umount", this.path]);
    this.#directory[Symbol.dispose]();
  }

  get #filler(): string {
    return this.#directory.file("filler");
  }
}

/** The reason why there can be none here, or null. */
export async function whyNoSmallDisk(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "skipped: only root may mount a tmpfs";
  using directory = temporaryDirectory();
  if (!(await mount(directory.path, "1m"))) return "skipped: a tmpfs cannot be mounted here";
  await run(["umount", directory.path]);
  return null;
}

async function mount(path: string, size: string): Promise<boolean> {
  if (Bun.which("mount") === null) return false;
  const command = ["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path];
  return (await run(command)).code === 0;
}
