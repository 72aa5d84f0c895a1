/** Tests what a release is made of; the binaries themselves are those of `tests/build.test.ts`. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../package.json";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { compile } from "../build.ts";
import { fetchBun, sumsOf, targetsOf } from "./release.ts";
import { sbomOf } from "./sbom.ts";
import targets from "./targets/package.json";

test("targets are known by name, and made once", () => {
  expect(targetsOf(["linux-x64", "linux-arm64", "linux-x64"])).toEqual([
    "linux-x64",
    "linux-arm64",
  ]);
  expect(targetsOf(["linux-x64", "linux-x86"])).toBeNull();
  expect(targetsOf(["toString"])).toBeNull();
});

test("every target has the Bun that is pinned", () => {
  const versions = new Set(Object.values(targets.optionalDependencies));
  expect([...versions]).toEqual([packageJson.devDependencies["bun-types"]]);
});

test("sums are what sha256sum checks, and tell a file that was changed", async () => {
  using dist = temporaryDirectory();
  const files = ["linux-x64/api", "linux-arm64/worker", "RELEASE-NOTES.md", "sbom.json"];
  for (const name of [...files, "worker"]) await Bun.write(dist.file(name), `this is ${name}`);
  await Bun.write(dist.file("SHA256SUMS"), await sumsOf(dist.path));
  const check = () => run(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: dist.path });
  const { code, out } = await check();
  expect({ code, out }).toEqual({
    code: 0,
    out: files
      .sort()
      .map((name) => `${name}: OK\n`)
      .join(""),
  });
  await Bun.write(dist.file("linux-x64/api"), "this is another one");
  expect((await check()).code).toBe(1);
});

test("the list of parts is of the application by its name, and has Bun", async () => {
  const { metadata, components } = await sbomOf(ROOT);
  const { name, version } = packageJson;
  expect(metadata.component).toMatchObject({ name, version, type: "application" });
  const parts = components.map((part) => `${part.name}@${part.version}`);
  const direct = Object.entries({
    bun: targets.optionalDependencies["@oven/bun-linux-x64"],
    ...packageJson.dependencies,
  });
  expect(parts).toEqual(expect.arrayContaining(direct.map(([part, is]) => `${part}@${is}`)));
});

const folder = temporaryDirectory();
afterAll(() => folder[Symbol.dispose]());
const fetched = await fetchBun("linux-arm64", folder).catch((error: Error) => error);
const note = fetched instanceof Error ? ` (skipped: ${fetched.message})` : "";

test.skipIf(fetched instanceof Error)(
  `a binary for another machine is made here${note}`,
  async () => {
    await Bun.write(folder.file("main.ts"), "console.log(1);");
    const elsewhere = { target: "bun-linux-arm64", executablePath: String(fetched) } as const;
    const path = await compile(
      folder.path,
      { name: "main", entry: "main.ts" },
      join(folder.path, "dist"),
      elsewhere,
    );
    const header = await Bun.file(path).slice(0, 20).bytes();
    expect(Buffer.from(header.slice(1, 4)).toString()).toBe("ELF");
    const AARCH64 = 183;
    expect(header[18]).toBe(AARCH64);
  },
);
