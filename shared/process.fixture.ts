/** A process that drains as it is told: at once, or never; it answers signals and nothing else. */
import { createLog } from "./log.ts";
import { drainOnSignals } from "./process.ts";
import { hearSignals, holdSignals } from "./signals.ts";

/** `starting` and `held` are processes that have not come to where they drain. */
export type Draining = "at once" | "never" | "starting" | "held";

if (import.meta.main) {
  const draining = process.argv[2] as Draining;
  hearSignals();
  const alive = setInterval(() => {}, 1_000);
  if (draining === "starting" || draining === "held") {
    if (draining === "held") holdSignals();
    process.stdout.write("up\n");
    // The sender of a signal says that it was sent: it is heard before stdin is.
    await Bun.stdin.text();
    await new Promise(setImmediate);
  }
  drainOnSignals(createLog("test", "info"), async () => {
    clearInterval(alive);
    if (draining === "never") await new Promise(() => setInterval(() => {}, 1_000));
  });
  process.stdout.write("up\n");
}
