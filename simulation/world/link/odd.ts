/**
 * Somebody who has the secret, and speaks the link wrongly: by frames of which one field is none that a worker or an
 * API of ours would send. And another worker, which says of a payment that its shard is elsewhere.
 *
 *   R16  a frame that is wrong by a field is dropped for its reason, and nothing else comes of it
 */
import type { Chance } from "../chance.ts";
import { KIND, writeDatagram, type Datagram, type Direction } from "./datagram.ts";

export type Reason = "length" | "version" | "kind" | "payload";
export type Odd = { readonly bytes: Buffer; readonly reason: Reason };

/** A frame of ours that it is made of: to an API, about a payment that waits. */
export type Model = Pick<Datagram, "instance" | "incarnation" | "sequence"> & {
  readonly key: Buffer;
  readonly correlationId: string;
  /** Sequence of the payment's frame, in a verdict. */
  readonly about: number;
};

const PAYING = [KIND.pay, KIND.carrying];
const ANSWERING = [KIND.verdict, KIND.elsewhere];
const CENTS_MAX = 100_000_000_000;
const NO_INTEGERS = [-1, 1.5, "1", null, 2 ** 53] as const;
const NO_LISTS = [{}, 7, "text", null, Buffer.of(0xc1), Buffer.of(0x92, 0x01)] as const;
const DATAGRAM_BYTES_MAX = 1_200;
const HEAD_AND_MAC_BYTES = 32;

/** Draws a frame that is wrong by one field. */
export function drawOdd(chance: Chance, direction: Direction, model: Model): Odd {
  const { key, instance, incarnation, sequence } = model;
  const forms = direction === "pay" ? paying(model) : answering(model);
  const form = chance.pick(forms);
  const otherKinds = direction === "pay" ? ANSWERING : PAYING;
  const made = (reason: Reason, changed: Partial<Datagram>): Odd => {
    const head = { version: 1, kind: form.kind, instance, incarnation, sequence };
    return { reason, bytes: writeDatagram(key, { ...head, payload: form.right, ...changed }) };
  };
  const what = chance.next();
  if (what < 0.05) return made("length", { payload: Buffer.alloc(0) });
  if (what < 0.1)
    return made("length", { payload: Buffer.alloc(DATAGRAM_BYTES_MAX - HEAD_AND_MAC_BYTES + 1) });
  if (what < 0.15) return made("version", { version: chance.pick([0, 2, 255]) });
  if (what < 0.25) return made("kind", { kind: chance.pick([...otherKinds, 0, 5, 255]) });
  if (what < 0.35) return made("payload", { payload: chance.pick<unknown>(NO_LISTS) });
  return made("payload", { payload: drawPayload(chance, form) });
}

/** Fields of what a frame says once, and for each of them what it can not be. */
type Form = {
  readonly kind: number;
  readonly right: readonly unknown[];
  readonly wrong: readonly (readonly unknown[])[];
  /** So many are more than a frame has; null where they would not fit it. */
  readonly tooMany: number | null;
};

/** Draws fields of which one is wrong, in the first or behind a right one, or of which there are too few or too many. */
function drawPayload(chance: Chance, { right, wrong, tooMany }: Form): unknown[] {
  const what = chance.next();
  if (what < 0.1) return [...right, ...right.slice(1)];
  if (what < 0.2) return [...right, right[0]];
  if (what < 0.3 && tooMany !== null) return Array.from({ length: tooMany }, () => right).flat();
  const at = chance.between(0, right.length - 1);
  const odd = right.with(at, chance.pick(wrong[at]!));
  return chance.happens(0.5) ? odd : [...right, ...odd];
}

function paying({ correlationId: id }: Model): Form[] {
  const cents = [...NO_INTEGERS, 0, CENTS_MAX + 1];
  const ids = [id.slice(1), `g${id.slice(1)}`, 7, null, ` ${id}`];
  const sources = ["", "açaí", 7, "a".repeat(256)];
  const references = ["", "a\nb", 7, "a".repeat(65)];
  const carried = [id, 1, "tok_1", "order 1"];
  return [
    { kind: KIND.pay, right: [id, 1], wrong: [ids, cents], tooMany: 25 },
    {
      kind: KIND.carrying,
      right: carried,
      wrong: [ids, cents, sources, references],
      tooMany: null,
    },
  ];
}

function answering({ correlationId: id, about }: Model): Form[] {
  const ids = [7, null];
  const codes = [...NO_INTEGERS, 5];
  const verdict = [about, id, 0, 0];
  const wrong = [NO_INTEGERS, ids, codes, NO_INTEGERS];
  return [
    { kind: KIND.verdict, right: verdict, wrong, tooMany: 24 },
    {
      kind: KIND.elsewhere,
      right: [about, id, 3],
      wrong: [NO_INTEGERS, ids, NO_INTEGERS],
      tooMany: 23,
    },
  ];
}
