/** Calls of the C library that Bun does not have. */
import { dlopen, read } from "bun:ffi";

const NAMES = ["libc.so.6", "libc.so", "libSystem.B.dylib"];
const EXCLUSIVELY_AND_AT_ONCE = 2 | 4;
const IS_LINUX = process.platform === "linux";
const NICE = 5;
const WOULD_BLOCK = IS_LINUX ? 11 : 35;

/** Locks the open file, under whatever name it was opened; false while somebody else has it locked. */
export function lockFile(fd: number): boolean {
  const { flock, errno } = open();
  if (flock(fd, EXCLUSIVELY_AND_AT_ONCE) === 0) return true;
  const code = errno();
  if (code === WOULD_BLOCK) return false;
  throw new Error(`its file system cannot lock it (error ${code})`);
}

/**
 * Gives the calling thread, from now on, a third of another thread's share of a busy CPU: not less,
 * since the journal's log grows for as long as somebody reads.
 */
export function stepBack(): void {
  // Elsewhere it would slow down the whole process.
  if (IS_LINUX) open().setpriority(0, 0, NICE);
}

function open() {
  const place = { args: [], returns: "ptr" } as const;
  for (const name of NAMES) {
    try {
      const { symbols } = dlopen(name, {
        flock: { args: ["i32", "i32"], returns: "i32" },
        setpriority: { args: ["i32", "u32", "i32"], returns: "i32" },
        [IS_LINUX ? "__errno_location" : "__error"]: place,
      } as const);
      const { flock, setpriority, ...rest } = symbols;
      const where = Object.values(rest)[0] as unknown as () => Parameters<typeof read.i32>[0];
      return { flock, setpriority, errno: () => read.i32(where()) };
    } catch {
      // The library may be there by the next name.
    }
  }
  throw new Error("there is no C library to lock it with");
}
