/** Process: a stand-in for a payment processor. Signals are heard before the rest is even loaded. */
import { hearSignals } from "./shared/signals.ts";

hearSignals();
await import("./simulator/main.ts");
