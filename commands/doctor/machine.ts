/** Reads figures of the machine from the kernel; each is null where the kernel does not give it. */
import { dlopen, ptr } from "bun:ffi";
import { closeSync, existsSync, fdatasyncSync, mkdtempSync, openSync } from "node:fs";
import { readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ClockReading, SyncSample } from "./judge.ts";

/** Bytes for a struct timex: more than it has on any machine. */
const TIMEX_BYTES = 512;
const TIMEX_STATUS_AT = 40;
const STA_UNSYNC = 0x40;
const SYNCS = 48;
/** Bytes that a small commit writes, more or less. */
const SYNC_BYTES = 8_192;
/** Magic numbers of tmpfs and ramfs. */
const MEMORY_TYPES = new Set([0x01021994, 0x858458f6]);

export function kernelNumbers(name: string): number[] | null {
  const text = readText(`/proc/sys/${name.replaceAll(".", "/")}`);
  return text === null ? null : text.trim().split(/\s+/).map(Number);
}

export function descriptorLimit(): number | null {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readText("/proc/self/limits") ?? "");
  if (match === null) return null;
  return match[1] === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(match[1]);
}

/** The folder that a journal lies in, or the nearest one above that exists. */
export function folderOf(path: string): string {
  let folder = resolve(dirname(path));
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

export function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null; // This file system has no such call.
  }
}

/** Times real syncs of a file of its own beside the journal; or gives the sentence that says why not. */
export function sampleSync(folder: string): SyncSample | string {
  let own: string | null = null;
  try {
    own = mkdtempSync(join(folder, ".doctor-"));
    const file = openSync(join(own, "sync"), "w");
    const bytes = new Uint8Array(SYNC_BYTES);
    const spentMs: number[] = [];
    for (let i = 0; i < SYNCS; i++) {
      const startMs = performance.now();
      writeSync(file, bytes);
      fdatasyncSync(file);
      spentMs.push(performance.now() - startMs);
    }
    closeSync(file);
    spentMs.sort((a, b) => a - b);
    const at = (part: number) => spentMs[Math.floor(part * (SYNCS - 1))] as number;
    const isMemory = MEMORY_TYPES.has(statfsSync(folder).type);
    return { directory: folder, isMemory, p50Ms: at(0.5), p99Ms: at(0.99) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    return `${folder} ${isFull ? "is full" : "cannot be written"}: ${message}`;
  } finally {
    if (own !== null) rmSync(own, { recursive: true, force: true });
  }
}

/** Begins to watch both clocks; the reading is over the time until it is called. */
export function watchClock(): () => ClockReading {
  const wallMs = Date.now();
  const steadyMs = performance.now();
  return () => {
    const watchedMs = performance.now() - steadyMs;
    const stepMs = Date.now() - wallMs - watchedMs;
    return { stepMs, watchedMs, synchronised: isSynchronised() };
  };
}

function isSynchronised(): boolean | null {
  try {
    const { symbols, close } = dlopen("libc.so.6", {
      adjtimex: { args: ["ptr"], returns: "i32" },
    });
    // All fields are zero: the call only asks.
    const timex = new Uint8Array(TIMEX_BYTES);
    const failed = symbols.adjtimex(ptr(timex)) === -1;
    close();
    const status = new DataView(timex.buffer).getInt32(TIMEX_STATUS_AT, true);
    return failed ? null : (status & STA_UNSYNC) === 0;
  } catch {
    return null; // There is no glibc under that name.
  }
}

/** True when somebody listens on a port of this machine, by the kernel's own tables. */
export function isListening(protocol: "tcp" | "udp", port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return [protocol, `${protocol}6`].some((table) =>
    (readText(`/proc/net/${table}`) ?? "")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      // State 0A is TCP's LISTEN; a UDP socket has none to speak of.
      .some(
        ([, local, , state]) => local?.endsWith(suffix) && (protocol === "udp" || state === "0A"),
      ),
  );
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // This kernel has none, or does not let a container read it.
  }
}
