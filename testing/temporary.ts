import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TemporaryDirectory = Disposable & {
  readonly path: string;
  /** The path of a file in it. */
  file(name?: string): string;
};

/** A new folder that goes away with all that is in it. */
export function temporaryDirectory(under: string = tmpdir()): TemporaryDirectory {
  const path = mkdtempSync(join(under, "papa-leguas-"));
  return {
    path,
    file: (name = "payments.db") => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The path of a file that is not there yet, in a folder of its own that goes away with it. */
export function temporaryFile(): Disposable & { readonly path: string } {
  const { file, [Symbol.dispose]: dispose } = temporaryDirectory();
  return { path: file(), [Symbol.dispose]: dispose };
}
