/** The world as trouble, operators and checks see it: everything that they can reach. */
import type { ProcessorModel } from "../../simulator/processor.ts";
import type { Transition, TransitionResult } from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import type { Checker } from "./checker.ts";
import type { Disk } from "./disk.ts";
import type { Gateway, ProcessorSetting } from "./gateway.ts";
import type { Kind } from "./kinds.ts";
import type { Ingress } from "./ingress.ts";
import type { Judges } from "./judges.ts";
import type { Plan } from "./plan.ts";
import type { Tariffs } from "./tariffs.ts";
import type { Post } from "./post.ts";
import type { Time } from "./time.ts";
import type { Wire } from "./wire.ts";

export interface Scene {
  readonly chance: Chance;
  /** Chance of its own for each part, so that what draws from it does not shift what the others draw. */
  readonly apart: Chance;
  readonly identity: Chance;
  readonly odd: Chance;
  readonly mood: Chance;
  readonly restoring: Chance;
  readonly tariff: Chance;
  readonly kind: Chance;
  readonly bound: Chance;
  readonly glance: Chance;
  readonly rough: Chance;
  readonly drill: Chance;
  readonly aside: Chance;
  readonly plan: Plan;
  readonly processors: readonly ProcessorSetting[];
  /** Kinds of the processors, by number. */
  readonly kinds: readonly Kind[];
  readonly time: Time;
  readonly disk: Disk;
  readonly models: readonly ProcessorModel[];
  readonly wires: readonly Wire[];
  readonly post: Post;
  readonly apis: readonly Ingress[];
  readonly gateway: Gateway;
  readonly checker: Checker;
  /** Null where processors are exchanged. */
  readonly judges: Judges | null;
  readonly counts: Counts;
  /** Ids whose rows a purge has taken out of the ledger. */
  readonly purged: Set<string>;
  /** True as long as things are done to the gateway. */
  readonly troubled: boolean;
  /** The journal is lost, and no worker can start. */
  isRestoring: boolean;
  /** Some processor has settled nothing that is in the copy which was put in place. */
  isUnproven: boolean;
  /** Drills have begun: nothing comes in between any more. */
  isDrilling: boolean;
  /** Payments that a copy does not have, and whose shops repeat them. */
  missing: number;
  note(line: string): void;
  /** Runs a check; a violation ends the run. */
  watch(check: () => void): void;
  startGateway(): void;
  /** Posts a payment as a shop that repeats it. */
  repost(correlationId: string, amountCents: number): void;
  /** Posts until there is room for it, and tells the answer. */
  insist(correlationId: string, amountCents: number, told: (kind: string) => void): void;
  onApplied(
    transitions: readonly Transition[],
    results: readonly TransitionResult[],
    tariffs: Tariffs,
  ): void;
}

export type Counts = {
  charges: number;
  crashes: number;
  powerCuts: number;
  /** Decisions of an operator. */
  decisions: number;
  /** Payments that an operator has declared absent. */
  absences: number;
  /** Starts with the addresses of the processors exchanged, or as they were before. */
  exchanges: number;
  /** Copies that were put in the journal's place. */
  restores: number;
  /** Starts with other tariffs. */
  tariffChanges: number;
};
