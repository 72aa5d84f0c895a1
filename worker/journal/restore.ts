/** What to do about a journal that is lost or damaged, as the end of a line that says so. */
export const RESTORE = "restore a backup (docs/OPERATIONS.md#backup)";
