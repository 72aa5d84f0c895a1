/** Rules about single files. Each returns what is wrong with one file, a sentence each. */
import { TEST_MS_MAX } from "../../testing/limit.ts";
import { commentsOf, withoutComments } from "./layers.ts";
import type { Source } from "./tree.ts";

const FILE_LINES_MAX = 500;
const ENTRY_LINES_MAX = 80;

/**
 * Cores that decide, and are handed the time, chance and answers they need. Each pattern must match
 * a file: a core that moves takes its line along.
 */
export const PURE_CORES = [
  "shared/incidents.ts",
  "shared/incidents/**/*.ts",
  "shared/link/client.ts",
  "shared/link/server.ts",
  "shared/link/frame.ts",
  "worker/pipeline.ts",
  "worker/pipeline/asking.ts",
  "worker/queue.ts",
  "worker/router/**/*.ts",
  "worker/cluster/**/*.ts",
  "worker/ledger.ts",
  "worker/ledger/**/*.ts",
  "worker/webhooks/deliveries.ts",
  "worker/webhooks/schedule.ts",
  "simulator/processor/**/*.ts",
];

const IMPURE: readonly RegExp[] = [
  /\bDate\.now\b/,
  /\bnew Date\(?\s*\)?\s*(?=[;,).]|$)/m,
  /\bperformance\.now\b/,
  /\bBun\.(?:nanoseconds|sleep|sleepSync|randomUUIDv7)\b/,
  /\bprocess\.hrtime\b/,
  /\bMath\.random\b/,
  /\bcrypto\.(?:randomUUID|getRandomValues|randomBytes)\b/,
  /\b(?:setTimeout|setInterval|setImmediate)\b/,
  /(?<![.\w])fetch\s*\(|\bglobalThis\.fetch\b|\bBun\.fetch\b/,
];

/** Tells what is impure in a file that `PURE_CORES` names. */
export function purityComplaints(source: Source): string[] {
  // The text is compiled to JavaScript, so that a comment or a type may speak of the clock.
  const code = new Bun.Transpiler({ loader: "ts", deadCodeElimination: false }).transformSync(
    source.text,
  );
  return IMPURE.map((pattern) => pattern.exec(code)?.[0])
    .filter((found) => found !== undefined)
    .map((found) => `${source.path}: a pure core must not use ${found.trim()}`);
}

/**
 * Files that may read an instant from a text. Without a zone `Date.parse` reads it in this machine's, so
 * a reader of other people's texts says which zone it is in; the page reads what the worker wrote alone.
 */
const INSTANT_READERS: readonly (readonly [file: string, reads: string])[] = [
  ["worker/processor/instant.ts", "a processor's, with its zone put in"],
  ["worker/http/window.ts", "a caller's, with its zone taken off"],
  ["worker/audit/reconcile.ts", "what toISOString wrote"],
  ["worker/journal/stamp.ts", "the name of a copy, with its zone put in"],
  ["worker/audit/watch.ts", "what toISOString wrote"],
  ["commands/operator/describe.ts", "what the worker wrote"],
  ["simulator/processor/instant.ts", "a caller's, with its zone put in"],
  ["simulation/world/between.ts", "a processor's, which ends in Z"],
  ["simulation/world/charged.ts", "what the worker wrote"],
  ["testing/gateway.ts", "what the worker wrote"],
];

export function zoneComplaints({ path, text }: Source): string[] {
  const isTold = path.startsWith("dashboard/");
  if (isTold || INSTANT_READERS.some(([file]) => file === path)) return [];
  const reads = /\bDate\.parse\((?!"[^"]*Z"\))|\bnew Date\(String\(/.test(withoutComments(text));
  return reads ? [`${path}: reads an instant without saying in which zone it is`] : [];
}

/** The only reader of command lines: a mistake in one is met and said there. */
const ARGUMENT_READER = "shared/arguments.ts";

export function argumentComplaints({ path, text }: Source): string[] {
  if (path === ARGUMENT_READER || !/\bparseArgs\b/.test(withoutComments(text))) return [];
  return [`${path}: reads a command line without ${ARGUMENT_READER}`];
}

/**
 * Files that may start a process without `testing/process.ts`, whose children are read and do not
 * outlive us.
 */
export const STARTERS: readonly (readonly [file: string, why: string])[] = [
  ["testing/process.ts", "it is how everybody else does"],
  ["shared/version.ts", "asks git, and waits for it"],
  ["testing/guard.ts", "the guard must outlive whoever started it"],
  ["tests/kill/frozen-disk.ts", "so must who thaws the disk"],
  ["tests/system/top.test.ts", "in a terminal of its own, which is not read line by line"],
  ["tests/build/setup.ts", "the package manager has the terminal of whoever runs it"],
  [
    "bench/system/export.ts",
    "its pipe is read a piece at a time, and its file is the command's own",
  ],
  ["tests/containers/usage.ts", "what is run there has the terminal of whoever runs it"],
];

export function startComplaints({ path, text }: Source): string[] {
  if (STARTERS.some(([file]) => file === path)) return [];
  const starts = /\bBun\.spawn(?:Sync)?\b|["'](?:node:)?child_process["']/.test(
    withoutComments(text),
  );
  return starts ? [`${path}: starts a process without testing/process.ts`] : [];
}

export function limitComplaints({ path, text }: Source): string[] {
  if (!path.endsWith(".test.ts")) return [];
  const limits = text.matchAll(
    /^(?: {0,4}\},(?: |\n *)([\d_]+|[A-Z_]+),?\n? *|setDefaultTimeout\(([\d_]+|[A-Z_]+))\);$/gm,
  );
  const valueOf = (name: string) =>
    new RegExp(`^const ${name} = ([\\d_]+);$`, "m").exec(text)?.[1] ?? name;
  return Array.from(limits, ([, ofTest, ofFile = ""]) => valueOf(ofTest ?? ofFile))
    .filter((limit) => Number(limit.replaceAll("_", "")) < TEST_MS_MAX)
    .map((limit) => `${path}: a test has ${limit} ms, less than testing/limit.ts gives to each`);
}

/** Bun's connection outlives its close, and at the end of its thread locks out everybody else. */
const CONNECTION = "worker/sqlite-connection.ts";

export function connectionComplaints({ path, text }: Source): string[] {
  const isShipped = /^(?:worker|commands)\//.test(path) && !/\.(?:test|fixture)\.ts$/.test(path);
  const opens = /\bnew Database\(/.test(withoutComments(text));
  return isShipped && opens ? [`${path}: opens an SQLite file without ${CONNECTION}`] : [];
}

export function lengthComplaints(source: Source): string[] {
  const lines = source.text.trimEnd().split("\n").length;
  const isEntry = !source.path.includes("/");
  const max = isEntry ? ENTRY_LINES_MAX : FILE_LINES_MAX;
  return lines > max ? [`${source.path}: ${lines} lines, at most ${max} are allowed`] : [];
}

export function nameComplaints({ path }: Source): string[] {
  const vague = path.split("/").find((name) => /^(utils?|helpers?|types?)(\.|$)/.test(name));
  return vague === undefined ? [] : [`${path}: ${vague} does not say what it is about`];
}

export function escapeComplaints(source: Source): string[] {
  const complaints: string[] = [];
  const code = withoutComments(source.text);
  if (/\bas any\b|<any>\s*[\w(]/.test(code)) complaints.push("casts to any");
  if (/@ts-(ignore|nocheck)\b/.test(source.text)) complaints.push("switches the type checker off");
  return complaints.map((complaint) => `${source.path}: ${complaint}`);
}

const ASIDE =
  /^[/*\s]*(Of|By|What|One|For|As|Whoever|Who|Whom|Whose|Which|Than|Whatever|Those)(?![\w'-])/;

/** A comment begins with its subject, or with the verb of what it stands at. */
export function openingComplaints({ path, text }: Source): string[] {
  return commentsOf(text)
    .map((comment) => ASIDE.exec(comment)?.[1])
    .filter((word) => word !== undefined)
    .map((word) => `${path}: a comment opens with ${word} instead of its subject`);
}
