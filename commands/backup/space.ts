import { folderOf, freeBytes } from "../doctor/machine.ts";
import { mb } from "./progress.ts";

/** Throws when a file of this size has no room there. */
export function refuseWithoutRoom(path: string, bytes: number): void {
  const folder = folderOf(path);
  const free = freeBytes(folder);
  if (free === null || free >= bytes) return;
  throw new Error(`${folder} has room for ${mb(free)} MB, and the copy may take ${mb(bytes)} MB`);
}
