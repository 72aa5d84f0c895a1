/** Loaded before a test: plants the mutant in the environment into what is loaded after. */
import { plant } from "../../simulation/planted/edits.ts";

plant(JSON.parse(process.env["MUTANT"] ?? ""));
