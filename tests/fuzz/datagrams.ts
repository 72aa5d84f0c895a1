/**
 * Sends datagrams to both ends of the link: random bytes, valid frames with bytes changed, cut off,
 * put together from two, signed with another key, of another kind, and valid ones sent again.
 * Nothing may throw, and nothing but a frame that was signed with the right key may do anything.
 */
import { LinkClientCore } from "../../shared/link/client.ts";
import { encodeElsewhere, encodePay, encodeVerdicts, linkKeys } from "../../shared/link/frame.ts";
import { LinkServerCore } from "../../shared/link/server.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Chance } from "../../simulation/world/chance.ts";

const KEYS = linkKeys("the right key");
const OTHER_KEYS = linkKeys("another key");
const PAY_KIND = 1;
const INSTANCE = 0x1234_5678_9abc;

export function fuzzServer(chance: Chance, inputs: number): void {
  const sent = new Set<string>();
  let arrived = 0;
  let signed = 0;
  const server = new LinkServerCore<number>({
    keyring: [KEYS],
    incarnation: 7,
    transmit: () => {},
    onArrivals: (arrivals) => {
      for (const arrival of arrivals) {
        arrived++;
        if (!sent.has(textOf(arrival.payment))) throw new Error("a payment that nobody sent");
        server.answer(arrival, { kind: "stored" });
      }
      server.flush();
    },
  });
  for (let i = 0; i < inputs; i++) {
    const payments = Array.from({ length: chance.between(1, 3) }, () => payment(chance));
    const head = { instance: INSTANCE, incarnation: 0, sequence: i };
    const frame = encodePay(KEYS.pay, head, payments);
    const forged = chance.happens(0.9);
    if (!forged) {
      for (const one of payments) sent.add(textOf(one));
      signed++;
    }
    server.receive(forged ? spoil(chance, frame, head, payments) : frame, 1);
    // A replayed frame is harmless when it is processed again, since the journal knows the ids;
    // here it must only not break.
    if (!forged && chance.happens(0.3)) {
      signed++;
      server.receive(frame, 2);
    }
  }
  const dropped = Object.values(server.stats.drops).reduce((sum, count) => sum + count, 0);
  const seen = server.stats.framesReceived + dropped;
  if (server.stats.framesReceived !== signed)
    throw new Error("a frame was taken that was not ours");
  if (seen < inputs || arrived < signed) throw new Error("frames are missing from the counts");
}

export function fuzzClient(chance: Chance, inputs: number): void {
  let sequence = 0;
  const client = new LinkClientCore({
    keyring: [KEYS],
    instance: INSTANCE,
    ackTimeoutMs: 1_000,
    random: chance.next,
    transmit: () => sequence++,
  });
  const head = { instance: INSTANCE, incarnation: 7, sequence: 0 };
  client.receive(0, encodeVerdicts(KEYS.verdict, head, []));
  for (let i = 0; i < inputs; i++) {
    const asked = payment(chance);
    const answers: unknown[] = [];
    client.pay(i, asked, (verdict) => answers.push(verdict));
    client.flush(i);
    const { correlationId } = asked;
    const verdicts = [{ sequence, correlationId, verdict: { kind: "stored" } as const }];
    const verdict = { kind: "elsewhere", mapVersion: chance.between(0, 2 ** 53 - 1) } as const;
    const frame = chance.happens(0.5)
      ? encodeElsewhere(KEYS.verdict, head, [{ sequence, correlationId, verdict }])
      : encodeVerdicts(KEYS.verdict, head, verdicts);
    client.receive(i, spoil(chance, frame, head, [asked]));
    const foreign = { ...head, instance: INSTANCE + 1 };
    client.receive(i, encodeVerdicts(KEYS.verdict, foreign, verdicts));
    client.receive(i, encodeVerdicts(KEYS.verdict, { ...head, incarnation: 6 - (i % 2) * 6 }, []));
    if (answers.length > 0) throw new Error("a verdict was believed that the worker did not give");
    client.receive(i, frame);
    client.receive(i, frame);
    if (answers.length !== 1) throw new Error(`one verdict was counted ${answers.length} times`);
  }
}

/** A frame made of a valid one by somebody without the key; never the valid one itself. */
function spoil(
  chance: Chance,
  frame: Buffer,
  head: { instance: number; incarnation: number; sequence: number },
  payments: readonly Payment[],
): Buffer {
  const bytes = Buffer.from(frame);
  switch (chance.between(0, 6)) {
    case 0:
      return randomBytes(chance, chance.between(0, 1_400));
    case 1:
      bytes[chance.between(0, bytes.length - 1)]! ^= chance.between(1, 255);
      return bytes;
    case 2:
      return bytes.subarray(0, chance.between(0, bytes.length - 1));
    case 3:
      return encodePay(OTHER_KEYS.pay, head, payments);
    case 4: {
      // The secret is right, the direction is the other one.
      const isPay = frame.readUInt8(1) === PAY_KIND;
      return encodePay(isPay ? KEYS.verdict : KEYS.pay, head, payments);
    }
    case 5:
      return Buffer.concat([bytes, randomBytes(chance, chance.between(1, 40))]);
    default:
      return Buffer.concat([randomBytes(chance, 16), bytes.subarray(16)]);
  }
}

function randomBytes(chance: Chance, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => chance.between(0, 255)));
}

function payment(chance: Chance): Payment {
  return { correlationId: chance.uuid(), amountCents: chance.between(1, 1e8) };
}

function textOf({ correlationId, amountCents }: Payment): string {
  return `${correlationId} ${amountCents}`;
}
