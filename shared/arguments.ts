/**
 * Reads the command line of whatever is started here, before it opens anything. A word or an option that
 * is unknown is one line, with what was probably meant and how it is used, and exit 2; `--help` and
 * `--version` are known to all.
 */
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";
import { complain, say } from "./say.ts";
import { versionLine } from "./version.ts";

type Options = { readonly [name: string]: ParseArgsOptionDescriptor };

export type CommandLine<O extends Options> = {
  /** The text of --help; its first line goes with every mistake. */
  readonly usage: string;
  readonly options?: O;
  /** The first word is one of these; without them it may be any. */
  readonly commands?: readonly string[];
  /** How many words there may be beside options; none, if it is left out. */
  readonly wordsMax?: number;
};

const ALWAYS = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;
type Config<O> = { args: string[]; options: O & typeof ALWAYS; allowPositionals: true };
type Typed<O extends Options> = ReturnType<typeof parseArgs<Config<O>>>;

type Read<O extends Options> =
  | { readonly kind: "given"; readonly values: Typed<O>["values"]; readonly words: string[] }
  /** The text of --help or of --version, which was asked for. */
  | { readonly kind: "asked"; readonly text: string }
  | { readonly kind: "wrong"; readonly reason: string };

export function readArguments<O extends Options>(
  line: CommandLine<O>,
  args: readonly string[],
): Read<O> {
  const options = { ...line.options, ...ALWAYS } as O & typeof ALWAYS;
  const mistake = mistakeIn({ ...line, options }, args);
  if (mistake !== null) return { kind: "wrong", reason: withUsage(line.usage, mistake) };
  const { values, positionals } = parseArgs<Config<O>>({
    args: [...args],
    options,
    allowPositionals: true,
  });
  const { help, version } = values as { help?: boolean; version?: boolean };
  if (help) return { kind: "asked", text: `${line.usage.trimEnd()}\n` };
  if (version) return { kind: "asked", text: `${versionLine()}\n` };
  return { kind: "given", values, words: positionals };
}

/** Ends the process when the command line is wrong, and when it only asks for help or the version. */
export function argumentsOrExit<O extends Options>(
  line: CommandLine<O>,
  args: readonly string[] = process.argv.slice(2),
) {
  const read = readArguments(line, args);
  if (read.kind === "wrong") return exitWrong(read.reason);
  if (read.kind === "given") return read;
  try {
    say(read.text);
    return process.exit(0);
  } catch (error) {
    return exitWrong((error as Error).message);
  }
}

/** Refuses what the form alone cannot: a number out of range, a word too few. */
export function refuseArguments(usage: string, mistake: string): never {
  return exitWrong(withUsage(usage, mistake));
}

function exitWrong(reason: string): never {
  complain(reason);
  return process.exit(2);
}

function withUsage(usage: string, mistake: string): string {
  return `${mistake} (${usage.split("\n", 1)[0]})`;
}

/** The first one. Of a value nothing is shown: it may be a secret at the wrong place. */
function mistakeIn<O extends Options>(
  { options = {} as O, commands, wordsMax = 0 }: CommandLine<O>,
  args: readonly string[],
): string | null {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  let words = 0;
  for (const token of tokens) {
    if (token.kind === "option") {
      const { rawName, name, value, inlineValue } = token;
      const type = Object.hasOwn(options, name) ? options[name]?.type : undefined;
      if (type === undefined) {
        const names = Object.keys(options).map((known) => `--${known}`);
        return `there is no option ${JSON.stringify(rawName)}${meant(rawName, names)}`;
      }
      if (type === "boolean" && value !== undefined) return `${rawName} takes no value`;
      const isMissing = value === undefined || (!inlineValue && /^-./.test(value));
      if (type === "string" && isMissing) return `${rawName} needs a value`;
    }
    if (token.kind !== "positional") continue;
    words += 1;
    const word = JSON.stringify(token.value);
    if (
      words === 1 &&
      commands !== undefined &&
      (wordsMax === 0 || !commands.includes(token.value))
    )
      return `there is no command ${word}${meant(token.value, commands)}`;
    if (words > wordsMax) return `${word} is one word too many`;
  }
  return null;
}

/** Asks what somebody who typed `word` may have meant; empty when nothing is near. */
export function meant(word: string, known: readonly string[]): string {
  const typed = word.toLowerCase();
  const far = Math.max(1, Math.floor(typed.replace(/^-+/, "").length / 3));
  const near = known
    .map((name) => ({ name, distance: distanceOf(typed, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= far)
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? "" : `; did you mean ${near.name}?`;
}

/** How many letters are to be put in, left out, replaced or exchanged with the next one. */
function distanceOf(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isExchange = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchanged = isExchange ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]!.push(Math.min(replaced, exchanged, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
