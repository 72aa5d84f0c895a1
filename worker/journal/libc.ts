/** What the C library is asked for, since Bun has no call for it. */
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
 * From now on the calling thread gets a third of what another one gets of a busy processor: not less,
 * since the journal's log grows for as long as somebody reads.
 */
export function stepBack(): void {
  // Elsewhere it would be the whole process.
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
      // The next name may be the one.
    }
  }
  throw new Error("there is no C library to lock it with");
}
