/** Loaded before the simulation: plants the bug that the environment names into what is loaded after. */
import { PLANTED_BUGS } from "./bugs.ts";
import { plant } from "./edits.ts";

const bug = PLANTED_BUGS.find(({ name }) => name === process.env["PLANTED_BUG"]);
if (bug === undefined) throw new Error("PLANTED_BUG names no planted bug");
plant(bug);
