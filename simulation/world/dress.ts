/** Draws how half of the seeds have their payments posted, and what those carry. */
import type { Chance } from "./chance.ts";

export type Dress = {
  /** Half of the payments have a source, and half a reference. */
  readonly carries: boolean;
  /** Shops post over HTTP, at the API's own handler. */
  readonly isOverHttp: boolean;
};

export function drawDress(dressing: Chance): Dress {
  const isPlain = dressing.happens(0.5);
  return {
    carries: !isPlain && dressing.happens(0.7),
    isOverHttp: !isPlain && dressing.happens(0.7),
  };
}
