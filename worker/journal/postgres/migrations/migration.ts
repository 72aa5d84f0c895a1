/**
 * The way from the schema before to the next one, in one transaction that the caller makes. It never
 * changes once it is released: its SQL is written out, and uses nothing that other files may change.
 * There is no way back but a backup, as with the file of SQLite.
 */
export type PostgresMigration = {
  /** The name of its file, which begins with the number of the schema that it leaves. */
  readonly name: string;
  /** Says in a few words what is different afterwards. */
  readonly what: string;
  readonly sql: string;
};
