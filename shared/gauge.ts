/** Figures of a metrics page that may not be there to be read, when there is no descriptor say. */
import type { Gauge } from "prom-client";

/** A figure that cannot be read is left out, and the page goes on. */
export function setOrLeaveOut(gauge: Gauge, read: () => number): void {
  try {
    gauge.set(read());
  } catch {
    gauge.remove();
  }
}
