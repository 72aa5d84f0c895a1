/**
 * Turns transitions into the lists that the function `commit` takes, and its answer into results. An id
 * stands at most once in a batch, since the function moves all payments of a list in one statement;
 * whatever is about no payment is a batch of its own. So the order within a batch means nothing.
 */
import { shardOf } from "../../../shared/shards.ts";
import { termsOf } from "../../fee-terms.ts";
import type { KnownTariff } from "../../tariffs.ts";
import type {
  FailedAttempt,
  Intervention,
  Transition,
  TransitionResult,
  WebhookChanges,
} from "../../transitions.ts";
import { PAYMENT_STATES } from "../../transitions.ts";
import { printOf } from "../source-print.ts";
import { LIST, MOVE_NUMBER } from "./functions.ts";

type Accept = Extract<Transition, { kind: "accept" }>;
type Settle = Extract<Transition, { kind: "settle" }>;
type OfPayment = Extract<Transition, { readonly seq: number }>;
type OtherMove = Exclude<OfPayment, Accept | Settle>;

/** Finds the id of a payment by its number; undefined when the journal has none. */
export type IdOf = (seq: number) => string | undefined;

/** Values that `commit` is given behind the stream, the worker, the batch's number and the map's version. */
export type Batch<Results = TransitionResult[]> = {
  readonly values: readonly unknown[];
  /** Makes the results; of transitions, in their order. */
  readonly results: (answer: Answer) => Results;
};
/** Entries about what was not simply done: the list, the place in it from 1 on, and what became of it. */
export type Answer = readonly (readonly [
  list: number,
  nth: number,
  what: string | number | null,
])[];

/** True for what concerns a payment. */
function isOfPayment(transition: Transition): transition is OfPayment {
  return "seq" in transition;
}

/** Counts how many of the first may be one batch; an accept names its payment, others its number. */
export function fitting(transitions: Iterable<Transition>, max: number): number {
  const seqs = new Set<number>();
  const ids = new Set<string>();
  let count = 0;
  for (const transition of transitions) {
    if (count === max) return count;
    if (!isOfPayment(transition)) return Math.max(count, 1);
    const { size } = seqs;
    const isKnown = seqs.add(transition.seq).size === size;
    if (isKnown || (transition.kind === "accept" && isIn(ids, transition.correlationId)))
      return count;
    count++;
  }
  return count;
}

/** Adds it; true when it was there already. */
function isIn(ids: Set<string>, id: string): boolean {
  const { size } = ids;
  return ids.add(id).size === size;
}

export function encode(transitions: readonly Transition[], idOf: IdOf): Batch {
  const accepts: Accept[] = [];
  const moves: OtherMove[] = [];
  const settles: Settle[] = [];
  /** List and place of each transition; null of what always succeeds. */
  const places = transitions.map((transition): readonly [number, number] | null => {
    switch (transition.kind) {
      case "accept":
        return [LIST.accepts, accepts.push(transition)];
      case "settle":
        return [LIST.settles, settles.push(transition)];
      default:
        return isOfPayment(transition) ? [LIST.moves, moves.push(transition)] : null;
    }
  });
  const attempts = moves.map(attemptOf);
  const values = [
    accepts.map(({ correlationId }) => correlationId),
    accepts.map(({ seq }) => seq),
    accepts.map(({ correlationId }) => shardOf(correlationId)),
    accepts.map(({ amountCents }) => amountCents),
    accepts.map(({ acceptedAtMs }) => acceptedAtMs),
    accepts.map(({ assignment }) => assignment?.processor ?? null),
    accepts.map(({ assignment }) => assignment?.requestedAtMs ?? null),
    someOf(accepts.map(({ reference }) => reference ?? null)),
    someOf(accepts.map(({ source }) => source ?? null)),
    someOf(
      accepts.map(({ correlationId, source }) =>
        source === undefined ? null : printOf(correlationId, source),
      ),
    ),
    endedOf(transitions, idOf),
    moves.map(({ seq }) => idOf(seq) ?? null),
    moves.map(({ kind }) => MOVE_NUMBER[kind]),
    moves.map(processorOf),
    moves.map((move) => ("assignment" in move ? move.assignment.requestedAtMs : null)),
    attempts.map((attempt) => attempt?.atMs ?? null),
    attempts.map((attempt) => attempt?.outcome ?? null),
    attempts.map((attempt) => (attempt === null ? null : withoutNul(attempt.reason))),
    someOf(attempts.map((attempt) => attempt?.code ?? null)),
    settles.map(({ seq }) => idOf(seq) ?? null),
    settles.map(({ processor }) => processor),
    settles.map(({ requestedAtMs }) => requestedAtMs),
    settles.map(({ amountCents }) => amountCents),
    settles.map(({ settledAtMs }) => settledAtMs),
    rareOf(transitions, places),
  ];
  return { values, results: (answer) => resultsFrom(places, answer) };
}

/** Null when nobody has one: then nothing is sent and nothing is done. */
function someOf<T>(values: readonly (T | null)[]): readonly (T | null)[] | null {
  return values.every((value) => value === null) ? null : values;
}

/** Ids of payments whose sources are to be forgotten; null in a batch without any. */
function endedOf(transitions: readonly Transition[], idOf: IdOf): readonly unknown[] | null {
  const ended = transitions.flatMap((transition) =>
    "hasSource" in transition && transition.hasSource === true ? [idOf(transition.seq)] : [],
  );
  return ended.length === 0 ? null : ended;
}

function processorOf(move: OtherMove): number | null {
  if ("assignment" in move) return move.assignment.processor;
  if ("attempt" in move) return move.attempt.processor;
  return "processor" in move ? move.processor : null;
}

function attemptOf(move: OtherMove): FailedAttempt | null {
  return "attempt" in move ? move.attempt : null;
}

type Place = readonly [list: number, nth: number] | null;

/** Words of operators, and what is about no payment; null in nearly every batch. */
function rareOf(transitions: readonly Transition[], places: readonly Place[]): object | null {
  const said = transitions.flatMap((transition, i) => {
    if (!("intervention" in transition) || transition.intervention === undefined) return [];
    const [list, nth] = places[i] ?? [null, null];
    const processor = list === null && "processor" in transition ? transition.processor : null;
    return [{ list, nth, processor, ...asColumns(transition.intervention) }];
  });
  const other = transitions.find((transition) => !isOfPayment(transition));
  if (other === undefined) return said.length === 0 ? null : { said };
  return { said, ...otherOf(other as Exclude<Transition, OfPayment>) };
}

function otherOf(other: Exclude<Transition, OfPayment>): object {
  switch (other.kind) {
    case "mode":
      return { kind: other.kind, processor: other.processor, mode: other.mode };
    case "address":
      return addressesOf([{ processor: other.processor, url: other.url }]);
    case "purge":
      return { kind: other.kind, baseRow: other.baseRow, atMs: other.atMs };
    case "webhooks":
      return { kind: other.kind, changes: cleaned(other.changes) };
    case "trust":
    case "probe":
      return { kind: other.kind };
  }
}

/** Reasons are words of others. */
function cleaned(changes: WebhookChanges): WebhookChanges {
  const put = changes.put.map((one) => ({ ...one, reason: withoutNul(one.reason) }));
  return { ...changes, put };
}

function addressesOf(
  urls: readonly { readonly processor: number; readonly url: string }[],
): object {
  return { kind: "addresses", urls };
}

/** Makes a batch that only sets addresses: those of a configuration that may be followed. */
export function batchOfAddresses(urls: Parameters<typeof addressesOf>[0]): Batch {
  return batchOf(addressesOf(urls));
}

/** Makes a batch that only begins tariffs. */
export function batchOfTariffs(begun: readonly KnownTariff[]): Batch {
  const rows = begun.map(({ terms, ...tariff }) => {
    return { ...tariff, terms: terms === null ? null : termsOf(terms) };
  });
  return batchOf({ kind: "tariffs", begun: rows });
}

/**
 * Makes a batch that gives shards to another worker, behind all that this one has committed for them: all of
 * them, or none when the other has ended or one is not ours. Its result is the version of the map since
 * then, or null.
 */
export function batchOfGift(shards: readonly number[], to: number): Batch<number | null> {
  const results = (answer: Answer) => {
    const [, , version] = answer.find(([list]) => list === LIST.gifts) ?? [];
    return typeof version === "number" ? version : null;
  };
  return { ...batchOf({ kind: "give", shards, to }), results };
}

function batchOf(rare: object): Batch {
  const { values } = encode([], () => undefined);
  return { values: [...values.slice(0, -1), { said: [], ...rare }], results: () => [] };
}

function asColumns({ atMs, who, action, why, evidence }: Intervention): object {
  const texts = { who, action, why, evidence };
  const clean = Object.entries(texts).map(([name, text]) => [
    name,
    text === null ? null : withoutNul(text),
  ]);
  return { at_ms: atMs, ...Object.fromEntries(clean) };
}

/** Drops the one character that PostgreSQL keeps in no text. */
export function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}

function resultsFrom(places: readonly Place[], answer: Answer): TransitionResult[] {
  if (answer.length === 0) return places.map(() => DONE);
  const others = new Map(answer.map(([list, nth, what]) => [`${list} ${nth}`, what]));
  return places.map((place) => {
    const what = place === null ? undefined : others.get(`${place[0]} ${place[1]}`);
    if (what === undefined) return DONE;
    if (what === "duplicate" || what === "conflict") return { kind: what };
    return { kind: "moved", state: PAYMENT_STATES[what as number] ?? null };
  });
}

const DONE: TransitionResult = { kind: "done" };
