/** Finds out who is logged in, for a decision that names nobody. */
import { readFileSync } from "node:fs";

/** Every system with names of its own has it; a container of one binary does not. */
const PASSWD = "/etc/passwd";

/**
 * Takes USER, or the name of the number that the process runs as where no login has set that: in a
 * container, a unit or a job of cron. Bun's own `userInfo` only knows the environment. Null when there is no name.
 */
export function loginName(env: Record<string, string | undefined>): string | null {
  return env["USER"] || env["LOGNAME"] || nameIn(readPasswd(), process.getuid?.() ?? null);
}

export function nameIn(passwd: string, uid: number | null): string | null {
  const users = passwd.split("\n").map((line) => line.split(":"));
  return users.find(([, , id]) => id === String(uid))?.[0] || null;
}

function readPasswd(): string {
  try {
    return readFileSync(PASSWD, "utf8");
  } catch {
    return ""; // Then nobody has a name.
  }
}
