/**
 * Changes nothing in the file: from here on payments may be pruned, and programs of before would take
 * those for damage, and sum what is left as if it were all.
 */
import type { Migration } from "./migration.ts";

export const pruned: Migration = {
  name: "0005-pruned",
  what: "worker prune may forget what is settled and old",
  walks: [],
  up() {},
};
