/**
 * Listens at the worker's end of the link for one life of it, and counts beside its server:
 *
 *   R16  a frame is handed over as it came in, and once as long as it is in hand; each verdict is sent at the end
 *        of its turn to the API that asked, as docs/PROTOCOL.md lays it out and signed with that API's secret; a
 *        probe is answered at once with its sequence
 */
import type { Arrival, LinkServerStats } from "../../../shared/link/server.ts";
import { paymentOf, type Payment } from "../../../shared/payment.ts";
import type { Verdict } from "../../../shared/verdict.ts";
import { Violation } from "../violation.ts";
import { KIND, keyOf, readDatagram, type Datagram } from "./datagram.ts";
import { flatOf } from "./verdicts.ts";

const DATAGRAM_BYTES_MAX = 1_200;
/** Verdicts of a frame by its kind, and the fields of each. */
const CARRIED = new Map([
  [KIND.verdict, { most: 23, width: 4 }],
  [KIND.elsewhere, { most: 22, width: 3 }],
] as const);

/** An API's process, as its frames tell. */
type Asker = { readonly api: number; secret: number };

export class WorkerTap {
  /** Frames of payments that were in hand when they came, and frames that were signed with the old secret. */
  repeats = 0;
  oldSecret = 0;
  /** Frames that were not believed, by reason. */
  readonly drops = { length: 0, mac: 0, trial: 0, version: 0, kind: 0, payload: 0 };
  readonly #incarnation: number;
  readonly #believing: readonly Buffer[];
  readonly #signing: readonly Buffer[];
  /** Payments without a verdict, by instance and sequence of their frame. */
  readonly #inHand = new Map<string, number>();
  readonly #askers = new Map<number, Asker>();
  /** Fields of verdicts that are to be sent, by the kind of their frame and the instance. */
  readonly #said = new Map<string, unknown[][]>();
  #probe: Datagram | null = null;
  /** Cause of which nothing may come, while there is one. */
  #ignored: string | null = null;
  #arriving: { readonly frame: Datagram; readonly payments: readonly Payment[] } | null = null;

  /** The newest secret first. */
  constructor(secrets: readonly string[], incarnation: number) {
    this.#incarnation = incarnation;
    this.#believing = secrets.map((secret) => keyOf(secret, "pay"));
    this.#signing = secrets.map((secret) => keyOf(secret, "verdict"));
  }

  /** A frame arrives, and the server has not seen it yet. */
  arrives(bytes: Buffer, api: number): void {
    const frame = readDatagram(this.#believing, bytes);
    this.#arriving = null;
    this.#probe = null;
    if (frame === null) return void this.drops.mac++;
    const { instance, sequence, secret } = frame;
    if (secret > 0) this.oldSecret++;
    this.#askers.set(instance, { api, secret });
    const payments = paymentsIn(frame);
    if (payments.length === 0) return void (this.#probe = frame);
    const name = `${instance} ${sequence}`;
    if (this.#inHand.has(name)) return void this.repeats++;
    this.#inHand.set(name, payments.length);
    this.#arriving = { frame, payments };
  }

  /** Expects that nothing comes of it. */
  ignores(what: string, happen: () => void): void {
    this.#ignored = what;
    happen();
    this.#ignored = null;
  }

  /** The server hands over what has arrived. */
  hands(arrivals: readonly Arrival<number>[]): void {
    if (this.#ignored !== null) fail(`payments are handed over because of ${this.#ignored}`);
    const { frame, payments } = this.#arriving ?? {};
    this.#arriving = null;
    if (
      !Bun.deepEquals(
        arrivals.map(({ payment }) => payment),
        payments ?? [],
      )
    )
      fail(`a frame is handed over as ${JSON.stringify(arrivals)}`);
    for (const { origin } of arrivals) {
      const isRight = origin.instance === frame!.instance && origin.sequence === frame!.sequence;
      if (!isRight) fail(`a payment of frame ${frame!.sequence} is handed over with another's`);
    }
  }

  /** The server has seen the frame. */
  arrived(): void {
    if (this.#arriving !== null) fail(`frame ${this.#arriving.frame.sequence} is not handed over`);
    if (this.#probe !== null) fail(`probe ${this.#probe.sequence} is not answered`);
  }

  /** The worker has a verdict on what was handed over. */
  says({ origin, payment }: Arrival<number>, verdict: Verdict): void {
    const { instance, sequence } = origin;
    const { correlationId } = payment;
    const name = `${instance} ${sequence}`;
    const left = this.#inHand.get(name)! - 1;
    if (left === 0) this.#inHand.delete(name);
    else this.#inHand.set(name, left);
    const kind = verdict.kind === "elsewhere" ? KIND.elsewhere : KIND.verdict;
    const said = this.#said.get(`${kind} ${instance}`) ?? [];
    said.push(flatOf({ sequence, correlationId, verdict }));
    this.#said.set(`${kind} ${instance}`, said);
  }

  /** A frame leaves the server. */
  sends(bytes: Buffer, api: number): void {
    if (this.#ignored !== null) fail(`a frame is sent because of ${this.#ignored}`);
    const frame = readDatagram(this.#signing, bytes);
    if (frame === null) return fail("a frame of the worker is not signed with its secret");
    const { version, instance, incarnation, sequence, payload, secret, kind } = frame;
    const asker = this.#askers.get(instance);
    const isRight =
      version === 1 &&
      incarnation === this.#incarnation &&
      bytes.length <= DATAGRAM_BYTES_MAX &&
      asker?.api === api &&
      asker.secret === secret &&
      Array.isArray(payload);
    if (!isRight) return fail(`the worker sends ${JSON.stringify(frame)} to API ${api}`);
    if (payload.length === 0) return this.#answersProbe(frame);
    const { most, width } = CARRIED.get(kind as never) ?? { most: 0, width: 1 };
    const said = this.#said.get(`${kind} ${instance}`)?.splice(0, payload.length / width) ?? [];
    const isWhole = said.length <= most && Bun.deepEquals(payload, said.flat());
    if (sequence !== 0 || !isWhole)
      fail(`the worker sends ${JSON.stringify(frame)}, and has said ${JSON.stringify(said)}`);
  }

  #answersProbe({ kind, instance, sequence }: Datagram): void {
    const asked = this.#probe;
    this.#probe = null;
    const isRight = asked?.instance === instance && asked.sequence === sequence;
    if (kind !== KIND.verdict || !isRight) fail(`a probe is answered that nobody sent`);
  }

  /** Compares what the server counts with what it was sent. */
  checkStats({ repeats, oldSecret, drops }: LinkServerStats): void {
    const ours = { repeats, oldSecret, drops };
    const theirs = { repeats: this.repeats, oldSecret: this.oldSecret, drops: this.drops };
    if (!Bun.deepEquals(ours, theirs))
      fail(`the worker counts ${JSON.stringify(ours)}, and not ${JSON.stringify(theirs)}`);
  }

  /** The server has sent what it had. */
  flushed(): void {
    for (const [to, said] of this.#said) {
      if (said.length > 0) fail(`${said.length} verdicts to ${to} are not sent`);
    }
  }
}

function paymentsIn({ kind, payload }: Datagram): Payment[] {
  const flat = payload as never[];
  const width = kind === KIND.carrying ? 4 : 2;
  return Array.from({ length: flat.length / width }, (_, i) => {
    const [correlationId, cents, source, reference] = flat.slice(i * width, (i + 1) * width);
    return paymentOf(correlationId!, cents!, source, reference);
  });
}

function fail(what: string): void {
  throw new Violation(`R16: ${what}`);
}
