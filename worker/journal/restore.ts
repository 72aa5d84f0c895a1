/** What to do about a journal in trouble, as the end of a line that says so. */
export const START_AGAIN =
  "start the worker again: it looks through the database, and goes on if that is whole";
export const RESTORE = "restore a backup (docs/OPERATIONS.md#backup)";
