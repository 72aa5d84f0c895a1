/** Process: HTTP ingress. Signals are heard before the rest is even loaded. */
import { hearSignals } from "./shared/signals.ts";
import "./api/healthcheck.ts";

hearSignals();
await import("./api/main.ts");
