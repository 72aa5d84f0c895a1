/**
 * Follows what `bun test` prints: counts the tests that have ended, for whoever waits, and keeps what
 * is said of those that fail. What counts in the end is the report, not this.
 */
import { stripVTControlCharacters } from "node:util";

type Ended = "passed" | "failed" | "skipped";

/** Marks of a test's end: those for a pipe, and those for a terminal with colours. */
const ENDS: readonly (readonly [Ended, RegExp])[] = [
  ["passed", /^(?:\(pass\)|✓) /],
  ["failed", /^(?:\(fail\)|✗) /],
  ["skipped", /^(?:\(skip\)|\(todo\)|»|✎) /],
];
const HEADING = /^(\S+\.(?:test|spec)\.ts):$/;
/** Begins what is said of an error in no test, which no mark follows. */
const ASTRAY = /^(?:error|# Unhandled|panic)/;
/** Begins a list of those that failed, which were all named before. */
const AGAIN = /^\d+ tests? failed:$/;

export class Followed {
  readonly #kept: string[] = [];
  /** Lines since the last test ended: what is said of a failure comes before its mark. */
  #said: string[] = [];
  readonly #ended = { passed: 0, failed: 0, skipped: 0 };
  readonly #files = new Set<string>();
  #heading: string | null = null;
  #newest = "";
  #isOver = false;

  take(line: string): void {
    const plain = stripVTControlCharacters(line);
    this.#isOver ||= AGAIN.test(plain);
    if (plain === "" || this.#isOver) return;
    const path = HEADING.exec(plain)?.[1];
    if (path !== undefined) this.#enter(path, line);
    else this.#read(plain, line);
  }

  /** Lines about what failed, each file's after its name, and the last words of all. */
  get kept(): readonly string[] {
    return [...this.#kept, ...this.#said];
  }

  /** Tells how far a run of so many files is. */
  stateOf(filesMax: number): string {
    const { passed, failed } = this.#ended;
    const file = `file ${this.#files.size} of ${filesMax}: ${this.#newest}`;
    return `${passed} passed, ${failed} failed, ${file}`;
  }

  #enter(path: string, line: string): void {
    this.#files.add(path);
    this.#newest = path;
    this.#heading = line;
  }

  #read(plain: string, line: string): void {
    const ended = ENDS.find(([, mark]) => mark.test(plain))?.[0];
    if (ended !== undefined) this.#ended[ended]++;
    if (ended === undefined || ended === "failed") this.#said.push(line);
    if (ended === "failed" || this.#said.some((said) => ASTRAY.test(said))) this.#keep();
    else if (ended !== undefined) this.#said = [];
  }

  #keep(): void {
    if (this.#heading !== null) this.#kept.push("", this.#heading);
    this.#heading = null;
    this.#kept.push(...this.#said);
    this.#said = [];
  }
}
