/**
 * Sets the kernel's receive buffer: a burst that does not fit is dropped silently, and the default
 * holds about ninety frames. Bun has no option for it, so it is set through the C library.
 */
import { dlopen, ptr } from "bun:ffi";
import { readFile } from "node:fs/promises";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_MEMINFO = 55;
/** Place of the drops among what a socket says of its memory. */
const SK_MEMINFO_DROPS = 8;

/** Asks for `bytes` and gives back what the kernel granted, or null where it cannot be asked. */
export function raiseReceiveBuffer(fd: number, bytes: number): number | null {
  try {
    const { symbols, close } = dlopen("libc.so.6", {
      setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
      getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    });
    const value = new Int32Array([bytes]);
    const length = new Uint32Array([4]);
    symbols.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(value), 4);
    const failed = symbols.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(value), ptr(length)) !== 0;
    close();
    // Linux reports twice what it grants, the other half being its own bookkeeping.
    return failed ? null : (value[0] as number) / 2;
  } catch {
    return null; // There is no glibc under that name: the caller warns that the size is unknown.
  }
}

/**
 * Datagrams that the kernel dropped at a socket because its buffer was full, or null if unknown. The socket is asked,
 * and where that cannot be, the kernel's tables, which takes two files and as many wakes of the thread.
 */
export function kernelDrops({ fd, port }: Bound): Promise<number | null> {
  const asked = droppedAt(fd);
  return asked === null ? droppedInTables(port) : Promise.resolve(asked);
}

type Bound = { readonly fd: number; readonly port: number };

function droppedAt(fd: number): number | null {
  const memory = new Uint32Array(SK_MEMINFO_DROPS + 1);
  const length = new Uint32Array([memory.byteLength]);
  if (ask === undefined) ask = openAsk();
  if (ask === null || ask(fd, SOL_SOCKET, SO_MEMINFO, ptr(memory), ptr(length)) !== 0) return null;
  return length[0] === memory.byteLength ? (memory[SK_MEMINFO_DROPS] as number) : null;
}

/** Opened once, and kept: the drops are asked for again and again. */
let ask: ReturnType<typeof openAsk> | undefined;

function openAsk() {
  try {
    const { getsockopt } = dlopen("libc.so.6", {
      getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    }).symbols;
    return getsockopt;
  } catch {
    return null; // There is no glibc under that name.
  }
}

/** The same from the kernel's tables of sockets; null when no socket has that port. */
export async function droppedInTables(port: number): Promise<number | null> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let drops: number | null = null;
  for (const table of ["/proc/net/udp", "/proc/net/udp6"]) {
    // Tables of the kernel say that they are empty; a Bun.file believes that once it was asked.
    const text = await readFile(table, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(suffix)) drops = (drops ?? 0) + Number(columns.at(-1));
    }
  }
  return drops;
}
