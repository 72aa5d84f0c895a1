/** Advice about a journal in trouble, as the end of a line that names the trouble. */
export const START_AGAIN =
  "start the worker again: it looks through the database, and goes on if that is whole";
export const RESTORE = "restore a backup (docs/OPERATIONS.md#backup)";
