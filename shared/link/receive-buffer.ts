/**
 * Sets the kernel's receive buffer: a burst that does not fit is dropped silently, and the default
 * holds about ninety frames. Bun has no option for it, so it is set through the C library.
 */
import { dlopen, ptr } from "bun:ffi";
import { readFile } from "node:fs/promises";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;

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

/** Datagrams that the kernel dropped at this port because the buffer was full, or null if unknown. */
export async function kernelDrops(port: number): Promise<number | null> {
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
