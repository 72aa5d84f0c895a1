/**
 * The drill of several machines, a few kinds of faults long: the long one is run by hand. Left out, and
 * counted as skipped, where something that it needs is not installed.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { run } from "../../../testing/process.ts";
import { fromSource, ROOT } from "../../../testing/programs.ts";
import { findTools } from "./tools.ts";

const FAULTS = 10;
setDefaultTimeout(600_000);

const tools = await findTools();
const why = typeof tools === "string" ? ` (skipped: ${tools})` : "";

test.skipIf(why !== "")(
  `whatever of several machines is killed, paused or cut off, every payment answered 202 is charged once${why}`,
  async () => {
    const words = ["--cluster", "--source", "--kills", String(FAULTS)];
    const { code, out, err } = await run(fromSource("tests/kill/kill.ts", ...words), { cwd: ROOT });
    process.stdout.write(out);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^violations {4}0$/m);
    expect(out).toMatch(new RegExp(`^faults {8}${FAULTS} in `, "m"));
  },
);

test("says in one line what is missing, and starts nothing", async () => {
  const env = { PATH: "/nowhere" };
  const words = fromSource("tests/kill/kill.ts", "--cluster");
  const { code, out, err } = await run(words, { cwd: ROOT, env });
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^this needs the packages etcd-server, .* and Patroni \(.*\)\n$/);
});
