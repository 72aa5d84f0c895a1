/**
 * Feeds texts that come from outside: request bodies, windows of summaries, answers of processors,
 * settings. A reader must answer to any of them; and when it says yes, the text really says what
 * was read.
 */
import { parsePaymentRequest } from "../../api/payment-request.ts";
import type { Chance } from "../../simulation/world/chance.ts";
import { parseWindow } from "../../worker/http/window.ts";
import { classify, classifyLook } from "../../worker/processor/adapters/rinha.ts";
import { readSettings } from "../../shared/settings.ts";
import { workerSettings } from "../../worker/settings.ts";

const AMOUNT_MAX = 1_000_000;
const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const SNIPPETS = [
  `"correlationId"`,
  `"amount"`,
  `"${ID}"`,
  `"${ID.toUpperCase()}"`,
  "19.90",
  "1e400",
  "-0",
  "0.001",
  "NaN",
  "null",
  "[]",
  "{}",
  `"__proto__"`,
  `"constructor"`,
  "\\u0000",
  "\ud800",
  "{",
  "}",
  "[",
  ":",
  ",",
  '"',
  " ",
  "\n",
];

export function fuzzBodies(chance: Chance, inputs: number): void {
  for (let i = 0; i < inputs; i++) {
    const text = spoil(chance, `{"correlationId":"${chance.uuid()}","amount":${amount(chance)}}`);
    const read = parsePaymentRequest(text, AMOUNT_MAX);
    if (!read.ok) {
      if (read.reason.length === 0 || read.reason.length > 300) throw new Error(read.reason);
      continue;
    }
    const body = JSON.parse(text);
    const { correlationId, amountCents } = read.payment;
    const sound =
      String(body.correlationId).toLowerCase() === correlationId &&
      body.amount === amountCents / 100 &&
      amountCents > 0 &&
      amountCents <= AMOUNT_MAX * 100 &&
      Object.keys(body).length === 2;
    if (!sound) throw new Error(`read as ${JSON.stringify(read.payment)}: ${text}`);
  }
}

export function fuzzWindows(chance: Chance, inputs: number): void {
  for (let i = 0; i < inputs; i++) {
    const instant = () => {
      const atMs = chance.between(0, 4e12);
      const zone = chance.pick(["Z", "", "-03:00", "+05:45", " 02:00"]);
      return spoil(chance, new Date(atMs).toISOString().replace("Z", zone));
    };
    const query = new URLSearchParams({ from: instant(), to: instant() });
    const read = parseWindow(query);
    if (!read.ok) continue;
    const { fromMs, toMs } = read.window;
    const whole = [fromMs, toMs].every((ms) => Number.isInteger(ms) || !Number.isFinite(ms));
    if (!whole) throw new Error(`a window of ${fromMs} to ${toMs} from ${query}`);
  }
}

const CHARGE = { correlationId: ID, amountCents: 1_990, requestedAtMs: Date.UTC(2026, 0, 1) };
const RECORD = `"correlationId":"${ID}","amount":19.9,"requestedAt":"2026-01-01T00:00:00Z"`;

/** Nothing but the list of the protocol may ever count as "not recorded", nor as "recorded". */
export function fuzzAnswers(chance: Chance, inputs: number): void {
  for (let i = 0; i < inputs; i++) {
    const status = chance.happens(0.5)
      ? chance.pick([200, 422, 429, 500, 400, 415, 404, 302, 503])
      : chance.between(100, 599);
    const more = chance.happens(0.5) ? "" : `,${RECORD}`;
    const body = chance.happens(0.3) ? "" : spoil(chance, `{"message":"processed"${more}}`);
    const complete = chance.happens(0.7);
    const answer = { status, body, complete, retryAfter: null };
    const { kind } = classify(answer, CHARGE);
    const notRecorded = kind === "refused" || kind === "rejected";
    const listed = [429, 400, 415].includes(status) || (status === 500 && body === "" && complete);
    if (notRecorded !== listed) throw new Error(`${status} ${body} is ${kind}`);
    if (kind === "accepted" && !(status === 200 && complete && isOurs(body)))
      throw new Error(`${status} ${body} is accepted`);
    const look = classifyLook({ ...answer, body: spoil(chance, `{${RECORD}}`) }, ID);
    if (look.kind === "found" && !(status === 200 && complete)) {
      throw new Error(`${status} is found`);
    }
  }
}

export function fuzzSettings(chance: Chance, inputs: number): void {
  for (let i = 0; i < inputs; i++) {
    const text = spoil(chance, "default=http://127.0.0.1:8001;fee=0.05,other=https://b/x;fee=0.15");
    const read = readSettings(workerSettings, { PROCESSORS: text });
    if (!read.ok) continue;
    for (const { url, fee, name } of read.settings.PROCESSORS ?? []) {
      const { perMillion } = fee;
      const isFee = Number.isInteger(perMillion) && perMillion >= 0 && perMillion <= 1_000_000;
      const sound = /^https?:\/\//.test(url) && isFee && name.length > 0;
      if (!sound) throw new Error(`read as ${name} ${url} ${fee}: ${text}`);
    }
  }
}

/** Gives the text, or it with pieces cut out, doubled, swapped for others, or characters changed. */
function spoil(chance: Chance, text: string): string {
  let spoiled = text;
  for (let times = chance.between(0, 3); times > 0; times--) {
    const at = chance.between(0, spoiled.length);
    const end = Math.min(spoiled.length, at + chance.between(0, 12));
    const piece = chance.pick([
      "",
      chance.pick(SNIPPETS),
      String.fromCharCode(chance.between(0, 0x2fff)),
      spoiled.slice(at, end).repeat(2),
    ]);
    spoiled = spoiled.slice(0, at) + piece + spoiled.slice(end);
  }
  return spoiled;
}

function amount(chance: Chance): string {
  const cents = chance.between(-100, AMOUNT_MAX * 110);
  return chance.pick([
    (cents / 100).toFixed(2),
    String(cents / 1_000),
    chance.pick(["0", "-0", "1e400", "1e-9", "1E2", '"5"', "null", "true", "1000000.00"]),
  ]);
}

/** True for a message with nothing in it that is said of another payment. */
function isOurs(body: string): boolean {
  const said = JSON.parse(body);
  const {
    correlationId: id = ID,
    amount: paid = 19.9,
    requestedAt = "2026-01-01T00:00:00Z",
  } = said;
  const time = /^2026-01-01T00:00:00(\.0*)?(Z|[+-]00:00)?$/;
  const ours = String(id).toLowerCase() === ID && paid === 19.9 && time.test(requestedAt);
  return typeof said.message === "string" && ours;
}
