/** Process: everything behind the ingress. Signals are heard before the rest is even loaded. */
import { hearSignals } from "./shared/signals.ts";
import "./worker/healthcheck.ts";

hearSignals();
await import("./worker/main.ts");
