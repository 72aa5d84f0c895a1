/**
 * Rules about which file may import which. Each takes one file and returns what is wrong with it, a
 * sentence each.
 */
import { resolveFrom, type Source } from "./tree.ts";

/**
 * Folders that each folder may import. One that is not listed (bench, dev, tests, the root) may
 * import everything. Rules are for what is shipped: tests and fixtures beside a source use
 * `testing/` as they like.
 */
const LAYERS: Record<string, readonly string[]> = {
  shared: ["shared"],
  api: ["api", "shared"],
  // The page is in the worker's binary.
  worker: ["worker", "shared", "dashboard"],
  dashboard: ["dashboard", "shared"],
  commands: ["commands", "worker", "shared"],
  simulator: ["simulator", "shared"],
  simulation: ["simulation", "simulator", "shared", "worker", "api", "testing"],
  // The harness knows nothing of what starts it, and shipped code nothing of tests.
  testing: ["testing", "shared", "simulator"],
};

/** Data, and the only place of the version. */
const VERSION_OF_ALL = "package.json";

/** A process that ends with the command that it was given, before anything is composed. */
const RUNS_COMMANDS = "worker/main.ts";

/**
 * Stages and, beside each, the other stages that it may import: none, unless a reason stands here.
 * A stage is `worker/<stage>.ts` and `worker/<stage>/`.
 */
const STAGES: Record<string, readonly string[]> = {
  journal: [],
  // A lane is a processor as the worker sees it: the router's part, and the client.
  lane: ["router", "processor"],
  queue: [],
  router: [],
  processor: [],
  ledger: [],
  summary: ["ledger"],
  // Events are what has ended, by the journal; webhooks call by the processors' connections.
  events: ["journal"],
  webhooks: ["journal", "processor", "events"],
  http: ["ledger", "summary", "webhooks", "events"],
  // The audit compares what the summary says with what processors say: it reads columns and file as
  // they do, a window as the summary's caller writes it, and answers as the way of a payment does.
  audit: ["journal", "ledger", "summary", "http", "processor"],
};

export function layerComplaints(source: Source): string[] {
  const layer = folderOf(source.path);
  const allowed = LAYERS[layer];
  if (allowed === undefined) return [];
  return importsOf(source)
    .filter((target) => target !== VERSION_OF_ALL && !allowed.includes(folderOf(target)))
    .filter((target) => !(source.path === RUNS_COMMANDS && folderOf(target) === "commands"))
    .map((target) => `${source.path}: ${layer}/ may not import ${target}`);
}

export function stageComplaints(source: Source): string[] {
  if (folderOf(source.path) !== "worker") return [];
  const own = partOf(source.path);
  if (own.kind === "composer") return [];
  return importsOf(source)
    .filter((target) => folderOf(target) === "worker" && !mayUse(own, partOf(target)))
    .map((target) => `${source.path}: ${describe(own)} may not import ${target}`);
}

/**
 * Finds parts that import their face, a file beside a folder of its name: parts are handed what
 * they need, and share types apart.
 */
export function faceComplaints(source: Source, paths: ReadonlySet<string>): string[] {
  const faces = new Set(parentsOf(source.path).map((folder) => `${folder}.ts`));
  return importsOf(source)
    .filter((target) => paths.has(target) && faces.has(target))
    .map((target) => `${source.path}: a part may not import its face ${target}`);
}

/** Finds files that import each other, types included: each circle once, as its files in a row. */
export function circleComplaints(sources: readonly Source[]): string[] {
  const imports = new Map(sources.map((source) => [source.path, importsOf(source)]));
  const done = new Set<string>();
  const complaints: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at !== -1) complaints.push(`a circle of imports: ${[...way.slice(at), path].join(" → ")}`);
    if (at !== -1 || done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return complaints;
}

/**
 * Finds threads that a compiled binary would not: it is flat, so only `./name-thread.ts` beside the
 * file that starts it is found both there and in the source tree.
 */
export function threadComplaints(source: Source, paths: ReadonlySet<string>): string[] {
  const urls = [...source.text.matchAll(/new URL\(\s*"([^"]+\.ts)",\s*import\.meta\.url/g)];
  return urls
    .map(([, reference = ""]) => reference)
    .filter(
      (reference) =>
        !/^\.\/[^/]+-thread\.ts$/.test(reference) ||
        !paths.has(resolveFrom(source.path, reference)),
    )
    .map((reference) => `${source.path}: ${reference} is no thread that stands beside it`);
}

type Part =
  /** The process, its pipeline, telemetry, and threads directly in `worker/` know stages. */
  | { readonly kind: "composer" }
  | { readonly kind: "stage"; readonly stage: string }
  /** Several stages speak of it: payment, settings and the like. */
  | { readonly kind: "vocabulary" };

function partOf(path: string): Part {
  const [, first = ""] = path.split("/");
  if (/^main\.ts$|^pipeline(\.ts)?$|^telemetry$|-thread\.ts$/.test(first))
    return { kind: "composer" };
  const name = first.replace(/\.ts$/, "");
  return name in STAGES ? { kind: "stage", stage: name } : { kind: "vocabulary" };
}

function mayUse(own: Part, other: Part): boolean {
  if (other.kind === "vocabulary") return true;
  if (own.kind !== "stage" || other.kind !== "stage") return false;
  return own.stage === other.stage || STAGES[own.stage]?.includes(other.stage) === true;
}

function describe(part: Part): string {
  return part.kind === "stage" ? `the stage ${part.stage}` : "the worker's vocabulary";
}

/** The folders that a path is in, from the root down. */
function parentsOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, i) => names.slice(0, i + 1).join("/"));
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : ".";
}

/** Relative imports, those of types too, as paths from the project's root. */
export function importsOf(source: Source): string[] {
  const statements =
    /\b(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;
  return [...withoutComments(source.text).matchAll(statements)]
    .map(([, from, bare]) => from ?? bare ?? "")
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => resolveFrom(source.path, specifier));
}

const STRING_OR_COMMENT =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|(?<=^[ \t]*)\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*|\/\/[^\n]*|\/\*[\s\S]*?\*\//gm;

/** Keeps strings, drops comments. */
export function withoutComments(text: string): string {
  return text.replaceAll(STRING_OR_COMMENT, (_, string: string | undefined) => string ?? " ");
}

/** Lists comments, those of lines in a row as one; programs in strings have none. */
export function commentsOf(text: string): string[] {
  const found = [...text.matchAll(STRING_OR_COMMENT)];
  return found.filter(([, string]) => string === undefined).map(([all]) => all);
}
