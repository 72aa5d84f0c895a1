/**
 * `worker doctor --processor NAME`: says what a trial of a processor would charge, or, with `--yes`, does it and
 * prints what became of each promise. Whatever a processor says is printed without the secrets that it was
 * sent: some repeat a part of their caller's key.
 */
import { centsFromDecimal, decimalFromCents } from "../../shared/money.ts";
import { say } from "../../shared/say.ts";
import { wordsOf } from "../../shared/tariff.ts";
import {
  readWithProcessors,
  workerSettings,
  type ProcessorSetting,
} from "../../worker/settings.ts";
import { plain } from "../text-table.ts";
import { judgePromises, type Promised } from "./promises.ts";
import { tryProcessor } from "./trial.ts";

type Asked = {
  readonly processor: string;
  readonly yes?: boolean;
  readonly amount?: string;
  readonly source?: string;
  readonly json?: boolean;
};

const { PROCESSORS, PROCESSORS_FILE, PROCESSOR_TIMEOUT_MS } = workerSettings;
/** Settings that a trial needs: a journal's is not among them. */
const TABLE = { PROCESSORS, PROCESSORS_FILE, PROCESSOR_TIMEOUT_MS };
const AMOUNT_CENTS = 1_00;
/** Most that a slip of the hand may cost at each charge. */
const AMOUNT_CENTS_MAX = 1_000_00;
const LOOK_MS_MAX = 60_000;
const LATER_MS = 5_000;
const SOURCE_CHARS_MAX = 255;

/** Gives the exit code; rejects with the reason why it could not be asked. */
export async function proveProcessor(
  asked: Asked,
  env: Record<string, string | undefined>,
): Promise<0 | 1 | 2> {
  const read = readWithProcessors(TABLE, env);
  if (!read.ok) throw new Error(read.reason);
  const setting = settingOf(asked.processor, read.settings.PROCESSORS);
  const amountCents = amountOf(asked.amount);
  if ((asked.source?.length ?? 0) > SOURCE_CHARS_MAX) {
    throw new Error(`--source: more than ${SOURCE_CHARS_MAX} characters`);
  }
  if (asked.yes !== true) {
    say(announced(setting, amountCents));
    return 2;
  }
  const trial = await tryProcessor(setting, {
    amountCents,
    ...(asked.source === undefined ? {} : { source: asked.source }),
    timeoutMs: read.settings.PROCESSOR_TIMEOUT_MS,
    lookMsMax: LOOK_MS_MAX,
    laterMs: LATER_MS,
  });
  const hidden = [...secretsOf(setting), ...(asked.source === undefined ? [] : [asked.source])];
  const promises = judgePromises(trial, (text) => without(hidden, text));
  const isBroken = promises.some(({ state }) => state === "broken");
  const isTried = trial.repeats !== null;
  const { name } = setting;
  const answer = { ok: isTried && !isBroken, processor: name, promises };
  say(asked.json === true ? `${JSON.stringify(answer, null, 2)}\n` : describe(promises));
  if (isBroken) return 1;
  return isTried ? 0 : 2;
}

function settingOf(name: string, processors: readonly ProcessorSetting[]): ProcessorSetting {
  const found = processors.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = processors.map((one) => one.name).join(", ");
  throw new Error(`--processor: none of that name is configured, but ${names}`);
}

function amountOf(text: string | undefined): number {
  if (text === undefined) return AMOUNT_CENTS;
  const cents = centsFromDecimal(text);
  if (cents !== null && cents > 0 && cents <= AMOUNT_CENTS_MAX) return cents;
  throw new Error(`--amount: not an amount from 0.01 to ${decimalFromCents(AMOUNT_CENTS_MAX)}`);
}

function announced({ name, url, kind, fee, currency }: ProcessorSetting, cents: number): string {
  const unit = currency === undefined ? "" : ` ${currency}`;
  const amount = `${decimalFromCents(cents)}${unit}`;
  return `This would charge ${name} at ${url}, of the kind ${kind}, for real:

  twice ${amount}, under two ids, and for each its fee (${wordsOf(fee)})

Each is sent again: at once, at the same moment, with ${decimalFromCents(cents + 1)}, and a while later. A processor that does not
keep its promises may charge each time, eight times at most. A charge without a body and one of 0.00
are sent, too, which nobody should take. Nothing is taken back, and no journal has these payments:
an audit shows them as extra. Take a sandbox. It takes up to three minutes.

Nothing has been sent. With --yes it will be.
`;
}

function secretsOf({ secret, auditToken, headers = {} }: ProcessorSetting): string[] {
  return [secret, auditToken, ...Object.values(headers)].filter((one) => one !== undefined);
}

function without(hidden: readonly string[], text: string): string {
  return hidden.reduce((left, one) => left.replaceAll(one, "…"), text);
}

function describe(promises: readonly Promised[]): string {
  const width = "cannot be seen".length;
  const lines = promises.map(
    ({ promise, what, state, how }) =>
      `${state.padEnd(width)}  ${promise}  ${what}\n${" ".repeat(width + 6)}→ ${plain(how)}\n`,
  );
  return lines.join("");
}
