/**
 * Tells a connection that this process could not make from one that the other side refused. Bun says
 * ECONNREFUSED, and ENOTFOUND of a name, when there is no descriptor left to ask with.
 */
import { closeSync, openSync } from "node:fs";

/** Codes of a want of descriptors, ports or memory for sockets, which is no other side's doing. */
const OWN_FAULTS = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "NO_PORTS"]);

export function isOwnFault(code: string): boolean {
  return OWN_FAULTS.has(code);
}

/**
 * Names the cause of a failure: EMFILE or ENFILE while there is no descriptor to be had, NO_PORTS when
 * an address that has worked cannot be had any more. EADDRNOTAVAIL of an address that never has worked
 * says that this machine has no way there, which a breaker has to know.
 */
export function causeOf(code: string, hasWorked: boolean): string {
  if (code === "EADDRNOTAVAIL" && hasWorked) return "NO_PORTS";
  return isOwnFault(code) ? code : (withoutDescriptors() ?? code);
}

/** Error that opening a file gives for want of descriptors, or null. */
function withoutDescriptors(): string | null {
  try {
    closeSync(openSync("/dev/null", "r"));
    return null;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === "EMFILE" || code === "ENFILE" ? code : null;
  }
}
