import { expect, test } from "bun:test";
import { readOptions } from "./options.ts";
import { Trouble } from "./trouble.ts";

test("without options it is the official contest", async () => {
  const options = await readOptions([]);
  expect(options).toMatchObject({
    site: {
      url: "http://127.0.0.1:9999",
      processors: { default: "http://127.0.0.1:8001", fallback: "http://127.0.0.1:8002" },
      token: "123",
      adminToken: null,
    },
    users: 550,
    seconds: 60,
    seed: null,
    weatherName: "official",
    dev: false,
    strict: false,
    runs: 1,
    json: null,
  });
  expect(options).toHaveProperty("weather.length", 6);
});

test("--json stands alone or names a file", async () => {
  expect(await readOptions(["--json"])).toMatchObject({ json: "-" });
  expect(await readOptions(["--json", "--strict"])).toMatchObject({ json: "-", strict: true });
  expect(await readOptions(["--json", "a.json"])).toMatchObject({ json: "a.json" });
});

test("--help and --version are no contest", async () => {
  expect(await readOptions(["--help"])).toStartWith("usage: bun run contest");
  expect(await readOptions(["--version"])).toStartWith("papa-leguas ");
});

test.each([
  [["--unknown"], "--unknown"],
  [["stray"], "stray"],
  [["--users", "0"], "--users: 0 is not a whole number from 1 to 10000"],
  [["--seconds", "1.5"], "--seconds"],
  [["--seed", "-1"], "--seed"],
  [["--target", "https://127.0.0.1"], "--target"],
  [["--default", "http://127.0.0.1:1/path"], "--default"],
  [["--fallback", "nonsense"], "--fallback"],
  [["--token", "a b"], "--token"],
  [["--weather", "sunny"], "official, dead, flapping, slow"],
])("%j has a sentence", async (args, sentence) => {
  const trouble = await readOptions(args).catch((error: unknown) => error);
  expect(trouble).toBeInstanceOf(Trouble);
  expect((trouble as Trouble).message).toContain(sentence);
  expect((trouble as Trouble).message).not.toContain("\n");
});
