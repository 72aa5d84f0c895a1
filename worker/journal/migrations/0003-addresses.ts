/** Makes room for the address of each processor, null until the next start knows it. */
import { hasColumn, type Migration } from "./migration.ts";

export const addresses: Migration = {
  name: "0003-addresses",
  what: "a processor is known by its address as well as by its name",
  walks: ["processors"],
  up(db) {
    if (!hasColumn(db, "processors", "url")) db.run("ALTER TABLE processors ADD COLUMN url TEXT");
  },
};
