import type { SharedJournal } from "../../worker/journal.ts";
import type { Exchange } from "../../worker/processor.ts";
import type { Transition } from "../../worker/transitions.ts";

/** A journal that several workers share, which sees what this one decides and calls. */
export interface Sharing extends SharedJournal {
  /** The worker hands a transition to its journal; it waits for its commit until `onResult`. */
  onDecided(transition: Transition): void;
  onResult(transition: Transition): void;
  /** Gives an exchange whose calls are judged as they leave. */
  judging(exchange: Exchange): Exchange;
}
