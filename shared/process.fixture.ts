/** A process that drains as it is told: at once, or never; it answers signals and nothing else. */
import { createLog } from "./log.ts";
import { drainOnSignals } from "./process.ts";

export type Draining = "at once" | "never";

if (import.meta.main) {
  const draining = process.argv[2] as Draining;
  const alive = setInterval(() => {}, 1_000);
  drainOnSignals(createLog("test", "info"), async () => {
    clearInterval(alive);
    if (draining === "never") await new Promise(() => setInterval(() => {}, 1_000));
  });
  process.stdout.write("up\n");
}
