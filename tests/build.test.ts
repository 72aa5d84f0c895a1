import { afterAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, firstRepeated } from "./build.ts";
import { run } from "../testing/process.ts";

const directory = await mkdtemp(join(tmpdir(), "papa-leguas-build-"));
afterAll(() => rm(directory, { recursive: true, force: true }));

const SOURCES: Record<string, string> = {
  "main.ts": `
    import { ask } from "./parts/part.ts";
    const commit = typeof BUILT_OF_COMMIT === "string" ? BUILT_OF_COMMIT : "from source";
    console.log(await ask(), process.env.FROM_DOTENV ?? "no .env", commit);
    process.exit(0);
  `,
  "parts/part.ts": `
    export function ask(): Promise<string> {
      const thread = new Worker(new URL("./echo-thread.ts", import.meta.url).href);
      return new Promise((resolve) => {
        thread.onmessage = (event) => resolve(event.data);
        thread.onerror = (event) => resolve(event.message);
      });
    }
  `,
  "parts/echo-thread.ts": `
    import { word } from "./word.ts";
    postMessage(word);
  `,
  "parts/word.ts": `export const word = "from the thread";`,
};

async function output(command: readonly string[], cwd: string): Promise<string> {
  return (await run(command, { cwd })).out.trim();
}

test("a module in a folder starts the thread beside it, from source and compiled", async () => {
  const source = join(directory, "source");
  const elsewhere = join(directory, "elsewhere");
  for (const [path, text] of Object.entries(SOURCES)) await Bun.write(join(source, path), text);
  await writeFile(join(directory, ".env"), "FROM_DOTENV=read\n");
  const binary = { name: "main", entry: "main.ts", threads: "**/*-thread.ts" };

  expect(await output([process.execPath, join(source, "main.ts")], tmpdir())).toBe(
    "from the thread no .env from source",
  );
  // There is no repository; whoever builds there says which commit it is.
  process.env["COMMIT"] = "0123456789ab";
  const compiled = await compile(source, binary, join(source, "dist"));
  delete process.env["COMMIT"];
  expect([...new Bun.Glob("*").scanSync(join(source, "dist"))]).toEqual(["main"]);

  // The binary needs neither its sources nor the directory it was built in, and `.env` is not read.
  await cp(compiled, join(elsewhere, "main"));
  await rm(source, { recursive: true });
  expect(await output([join(elsewhere, "main")], directory)).toBe(
    "from the thread no .env 0123456789ab",
  );
});

test("two entry points of one name are noticed", () => {
  expect(firstRepeated(["worker.ts", "a-thread.ts", "a-thread.ts"])).toBe("a-thread.ts");
  expect(firstRepeated(["worker.ts", "a-thread.ts", "b-thread.ts"])).toBeNull();
});
