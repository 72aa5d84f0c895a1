/**
 * Tells a connection that this process could not make from one that the other side refused. Bun says
 * ECONNREFUSED, and ENOTFOUND of a name, when there is no descriptor left to ask with.
 */
import { closeSync, openSync } from "node:fs";

/** Descriptors of the process and of the machine, its memory for sockets: nobody else's doing. */
const OWN_FAULTS = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "NO_PORTS"]);

export function isOwnFault(code: string): boolean {
  return OWN_FAULTS.has(code);
}

/**
 * Names of a failure what it was: EMFILE or ENFILE while there is no descriptor to be had, NO_PORTS when
 * an address that has worked cannot be had any more. Of one that never has, EADDRNOTAVAIL says that
 * this machine has no way there, which a breaker has to know.
 */
export function causeOf(code: string, hasWorked: boolean): string {
  if (code === "EADDRNOTAVAIL" && hasWorked) return "NO_PORTS";
  return isOwnFault(code) ? code : (withoutDescriptors() ?? code);
}

/** The error that opening a file gives for want of descriptors, or null. */
function withoutDescriptors(): string | null {
  try {
    closeSync(openSync("/dev/null", "r"));
    return null;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === "EMFILE" || code === "ENFILE" ? code : null;
  }
}
