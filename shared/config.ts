/**
 * Settings in a file, for `--config FILE`: a line is NAME=value, by the rules of systemd's
 * EnvironmentFile. What that would leave out or join silently is a mistake here: a line without a name,
 * a quote that does not end, a value that goes on in the next line. `parseEnv` of node:util was refused:
 * it cuts values off at a #, reads \n in quotes as the end of a line, and passes over what it cannot read.
 *
 * It is applied before anything else is loaded, since a health check has the same settings; so whether
 * its names are known is asked later, by `shared/config-check.ts`.
 */
import { readFileSync, statSync } from "node:fs";
import { complain } from "./say.ts";

export type ConfigFile = {
  readonly path: string;
  /** Bits of who may do what with it. */
  readonly mode: number;
  readonly entries: ReadonlyMap<string, Entry>;
};
type Entry = { readonly value: string; readonly line: number };
type Parsed =
  | { readonly ok: true; readonly entries: ReadonlyMap<string, Entry> }
  | { readonly ok: false; readonly line: number; readonly reason: string };

const OPTION = "--config";
/** Another text may be a secret that has lost its name, and is not repeated. */
const NAME = /^[A-Z][A-Z0-9_]*$/;

/** Added to the help of each process that takes it. */
export const CONFIG_USAGE = `  --config FILE  settings that the environment does not have: NAME=value a line, as in systemd's
                 EnvironmentFile. What is set in the environment, and not empty, wins`;
export const CONFIG_OPTION = { config: { type: "string" } } as const;

let applied: ConfigFile | null = null;
const taken = new Map<string, string>();

/** The file that this process was given. */
export function configFile(): ConfigFile | null {
  return applied;
}

/** Tells where in the file a setting comes from, as FILE:LINE; null when it is not from there. */
export function placeOf(name: string): string | null {
  return taken.get(name) ?? null;
}

/**
 * Takes `--config FILE` out of the arguments, wherever it stands, and puts what the environment does not
 * have into it. Ends the process with one line when it cannot be read.
 */
export function applyConfig(argv = process.argv, env = process.env): void {
  const path = takeOption(argv);
  applied = null;
  taken.clear();
  if (path === null) return;
  applied = read(path);
  for (const [name, { value, line }] of applied.entries) {
    if (env[name]) continue;
    env[name] = value;
    taken.set(name, `${path}:${line}`);
  }
}

function takeOption(argv: string[]): string | null {
  let path: string | null = null;
  for (let at = argv.findIndex(isOption); at !== -1; at = argv.findIndex(isOption)) {
    const inline = argv[at]!.slice(OPTION.length + 1);
    const [, value] = argv.splice(at, argv[at] === OPTION ? 2 : 1);
    if (path !== null) end(`${OPTION} stands there twice`, 2);
    path = inline || (value ?? "");
    if (path === "" || path.startsWith("-")) end(`${OPTION} needs a value`, 2);
  }
  return path;
}

function isOption(argument: string): boolean {
  return argument === OPTION || argument.startsWith(`${OPTION}=`);
}

function read(path: string): ConfigFile {
  try {
    const { mode } = statSync(path);
    const parsed = parseConfig(readFileSync(path, "utf8"));
    if (!parsed.ok) return end(`${path}:${parsed.line}: ${parsed.reason}`, 1);
    return { path, mode, entries: parsed.entries };
  } catch (error) {
    return end(`${OPTION} ${path}: ${(error as Error).message}`, 1);
  }
}

function end(reason: string, code: 1 | 2): never {
  complain(reason);
  return process.exit(code);
}

export function parseConfig(text: string): Parsed {
  const entries = new Map<string, Entry>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || /^[#;]/.test(content)) continue;
    const parsed = parseLine(content);
    if (typeof parsed === "string") return { ok: false, line, reason: parsed };
    const before = entries.get(parsed.name);
    if (before !== undefined) {
      return { ok: false, line, reason: `${parsed.name} is there already, in line ${before.line}` };
    }
    entries.set(parsed.name, { value: parsed.value, line });
  }
  return { ok: true, entries };
}

/** Name and value, or the mistake. */
function parseLine(content: string): { name: string; value: string } | string {
  const equals = content.indexOf("=");
  if (equals === -1) return "there is no = in it";
  const name = content.slice(0, equals).trim();
  if (/^export\s/.test(name)) return "export is a word of shells: only NAME=value stands here";
  if (!NAME.test(name)) return "what stands before = is no name of a setting, in capitals";
  const value = valueOf(content.slice(equals + 1).trim());
  return value === null ? `${name}: ${MISTAKE}` : { name, value };
}
const MISTAKE = "a quote or a \\ at its end has nothing that ends it in this line";

/** Null when it does not end where its line ends. */
function valueOf(text: string): string | null {
  if (text.startsWith("'")) return /^'([^']*)'$/.exec(text)?.[1] ?? null;
  if (text.startsWith('"')) {
    const inside = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1];
    return inside?.replaceAll(/\\(["\\$`])/g, "$1") ?? null;
  }
  return /^(?:[^\\]|\\.)*$/.test(text) ? text.replaceAll(/\\(.)/g, "$1") : null;
}
