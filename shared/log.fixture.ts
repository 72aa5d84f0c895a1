/** A process that logs as many lines as it is told, and says on stderr how far it came. */
import { createLog, linesLost } from "./log.ts";

if (import.meta.main) {
  const log = createLog("test", "info");
  const filling = "x".repeat(1_000);
  for (let line = 0; line < Number(process.argv[2]); line++) log.info({ line, filling }, "a line");
  process.stderr.write(`lost ${linesLost()}\n`);
}
