/**
 * Files as a power cut leaves them, computed from what a process asked of the kernel. What a sync has ended is
 * there for good. Of all that was written later the disk may have any part and in any order: each sector is drawn
 * by itself, also within one write. So this is harder than any disk that does not lie.
 */
import { pick } from "../../../testing/random.ts";
import type { Call } from "../trace.ts";

/** A disk writes so many bytes whole or not at all. */
const SECTOR_BYTES = 512;
/** Shares of what was not synced that the disk has all the same. */
const KEPT = [0, 0.5, 0.9, 1] as const;

/**
 * Has strace say what changes files, or syncs them, with every byte, and outlive a process that is killed.
 * A change by other calls would show as a difference from the file.
 */
export function strace(output: string): string[] {
  const told = ["-f", "--seccomp-bpf", "-y", "-ttt", "-xx", "-s", "1000000"];
  return ["strace", "-D", ...told, "-e", "trace=pwrite64,ftruncate,fsync,fdatasync", "-o", output];
}

type Change = { readonly call: Call } & (
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly size: number }
);

/** A file: what is on the disk for good, and what has changed since the last sync, in its order. */
export class TracedFile {
  readonly path: string;
  /** Milliseconds since 1970 at which the last sync began; what was done before is on the disk. */
  syncedAtMs = Number.NEGATIVE_INFINITY;
  #synced: Buffer;
  #changes: Change[] = [];

  constructor(path: string, content: Buffer) {
    this.path = path;
    this.#synced = content;
  }

  /** Follows the calls about this file; throws for one that it does not understand. */
  follow(calls: readonly Call[]): void {
    const written = `<${Buffer.from(this.path).toString("hex").replace(/../g, "\\x$&")}>`;
    for (const call of calls.filter(({ text }) => text.includes(written))) {
      if (call.name.endsWith("sync")) this.#sync(call);
      else this.#changes.push(changeOf(call));
    }
  }

  /**
   * True when the calls tell all that became of `found`, the file as it is. Of those that never ended nobody
   * knows how much the kernel has done.
   */
  explains(found: Buffer): boolean {
    const open = this.#changes.filter(({ call }) => call.endedAt === Number.POSITIVE_INFINITY);
    const whole = changed(this.#synced, this.#changes, () => true);
    return changed(found, open, () => true).equals(whole);
  }

  /** Gives the file as a power cut leaves it, and how many bytes of what was asked for are gone. */
  afterPowerCut(random: () => number): { readonly content: Buffer; readonly lostBytes: number } {
    const kept = pick(random, KEPT);
    let lostBytes = 0;
    const content = changed(this.#synced, this.#changes, (bytes) => {
      const isKept = random() < kept;
      if (!isKept) lostBytes += bytes;
      return isKept;
    });
    return { content, lostBytes };
  }

  /** Puts on the disk what had ended when the sync began. */
  #sync(call: Call): void {
    if (!call.text.endsWith("= 0")) return;
    const isBefore = ({ call: { endedAt } }: Change) => endedAt < call.beganAt;
    this.#synced = changed(this.#synced, this.#changes.filter(isBefore), () => true);
    this.#changes = this.#changes.filter((change) => !isBefore(change));
    this.syncedAtMs = call.beganAtMs;
  }
}

function changeOf(call: Call): Change {
  const { name, text } = call;
  if (name === "ftruncate") {
    const [, size] = /^\d+<[^>]*>, (\d+)/.exec(text) ?? [];
    if (size !== undefined) return { call, kind: "truncate", size: Number(size) };
  }
  const [, hex, length, offset] = /^\d+<[^>]*>, "((?:\\x..)*)", (\d+), (\d+)/.exec(text) ?? [];
  if (name !== "pwrite64" || hex === undefined) throw new Error(`not understood: ${name} ${text}`);
  const bytes = Buffer.from(hex.replaceAll("\\x", ""), "hex");
  const isDone = call.endedAt === Number.POSITIVE_INFINITY || text.endsWith(`= ${length}`);
  if (bytes.length !== Number(length) || !isDone)
    throw new Error(`cut short: ${name} of ${length}`);
  return { call, kind: "write", offset: Number(offset), bytes };
}

/** Applies the changes in their order, as far as `isKept` says of so many bytes. */
function changed(
  content: Buffer,
  changes: readonly Change[],
  isKept: (bytes: number) => boolean,
): Buffer {
  const end = (change: Change) =>
    change.kind === "write" ? change.offset + change.bytes.length : change.size;
  const room = Buffer.alloc(
    changes.reduce((max, change) => Math.max(max, end(change)), content.length),
  );
  content.copy(room);
  let size = content.length;
  for (const change of changes) {
    if (change.kind === "truncate") {
      if (!isKept(Math.max(0, size - change.size))) continue;
      room.fill(0, change.size);
      size = change.size;
      continue;
    }
    const { offset, bytes } = change;
    for (let from = 0; from < bytes.length;) {
      const at = offset + from;
      const to = Math.min(bytes.length, from + SECTOR_BYTES - (at % SECTOR_BYTES));
      if (isKept(to - from)) {
        bytes.copy(room, at, from, to);
        size = Math.max(size, offset + to);
      }
      from = to;
    }
  }
  return room.subarray(0, size);
}
