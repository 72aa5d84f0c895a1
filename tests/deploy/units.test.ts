/** Tests what is handed out for systemd: by its own tools, without one that runs. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { apiSettings } from "../../api/settings.ts";
import { DRAIN_MS_MAX } from "../../shared/limits.ts";
import { readSettings, type SettingsTable } from "../../shared/settings.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { workerSettings } from "../../worker/settings.ts";

const DEPLOY = join(ROOT, "deploy");
const UNITS = join(DEPLOY, "systemd");
const INSTALLED = "/usr/local/lib/papa-leguas";
/** Tenths, as systemd-analyze takes them: below 2.0. */
const EXPOSURE_MAX = 19;

const isMissing = Bun.which("systemd-analyze") === null;
const NOTE = isMissing ? " (skipped: there is no systemd-analyze)" : "";
const names = readdirSync(UNITS).filter((name) => /\.(service|timer)$/.test(name));
const services = names.filter((name) => name.endsWith(".service"));
const read = (path: string) => Bun.file(join(DEPLOY, path)).text();

/** Lines of a unit, or of a file of settings, without comments and headings. */
function assignmentsIn(text: string): (readonly [name: string, value: string])[] {
  const lines = text.split("\n").filter((line) => /^\w+=/.test(line));
  return lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
}
const valueIn = (text: string, wanted: string) =>
  assignmentsIn(text).find(([name]) => name === wanted)?.[1] ?? "";

/** Gives units as they are but for where the programs are, which are not installed here. */
async function placed(folder: string): Promise<string[]> {
  for (const program of ["worker", "api", "until-ready"]) {
    await Bun.write(join(folder, program), "#!/bin/sh\n");
    chmodSync(join(folder, program), 0o755);
  }
  for (const name of names) {
    const text = await read(`systemd/${name}`);
    await Bun.write(join(folder, name), text.replaceAll(INSTALLED, folder));
  }
  // A template is looked at as one of its instances.
  return names.map((name) => join(folder, name.replace("@.", "@9001.")));
}

describe.skipIf(isMissing)(`units${NOTE}`, () => {
  test("have nothing that systemd finds", async () => {
    using folder = temporaryDirectory();
    const { code, out, err } = await run([
      "systemd-analyze",
      "verify",
      "--man=no",
      ...(await placed(folder.path)),
    ]);
    expect({ code, out, err }).toEqual({ code: 0, out: "", err: "" });
  });

  test.each(services)("%s is exposed less than 2.0", async (name) => {
    const security = ["systemd-analyze", "security", "--offline=true", "--no-pager"];
    const { code, out } = await run([
      ...security,
      `--threshold=${EXPOSURE_MAX}`,
      join(UNITS, name),
    ]);
    const [said] = /Overall exposure level.*/.exec(out) ?? [];
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/: [01]\.\d /) });
  });
});

test.each(services.filter((name) => !name.includes("backup")))(
  "%s has time to drain",
  async (name) => {
    const [, seconds] =
      /^(\d+)s$/.exec(valueIn(await read(`systemd/${name}`), "TimeoutStopSec")) ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(2 * DRAIN_MS_MAX);
  },
);

describe.each<[string, SettingsTable, string]>([
  ["worker", workerSettings, "papa-leguas-worker.service"],
  ["api", apiSettings, "papa-leguas-api@.service"],
])("settings of the %s", (process, table, unit) => {
  const example = async () =>
    Object.fromEntries(assignmentsIn(await read(`${process}.env.example`)));

  test("in its example are known, and can be used", async () => {
    const given = await example();
    expect(Object.keys(given).filter((name) => !(name in table))).toEqual([]);
    expect(readSettings(table, given)).toMatchObject({ ok: true });
    // Docker takes quotes as part of a value, systemd does not.
    expect(Object.values(given).join("")).not.toMatch(/["'\s$#]/);
  });

  test("in its unit are known, and can be used", async () => {
    const text = (await read(`systemd/${unit}`)).replaceAll("%i", "9001");
    const given = Object.fromEntries(
      assignmentsIn(valueIn(text, "Environment").replaceAll(" ", "\n")),
    );
    expect(Object.keys(given).filter((name) => !(name in table))).toEqual([]);
    expect(readSettings(table, { ...(await example()), ...given })).toMatchObject({ ok: true });
    expect(valueIn(text, "EnvironmentFile")).toBe(`/etc/papa-leguas/${process}.env`);
  });
});

test("what units name is put in place by the document", async () => {
  const document = await Bun.file(join(ROOT, "docs/DEPLOY.md")).text();
  const installed = [...document.matchAll(/^install -D (?:-m \d+ )?-t (\S+) (.+)$/gm)];
  const there = installed.flatMap(([, folder = "", files = ""]) => {
    return files.split(" ").map((file) => join(folder, basename(file)));
  });
  for (const name of services) {
    const named = (await read(`systemd/${name}`)).match(/\/usr\/local\/\S+/g) ?? [];
    expect(there).toEqual(expect.arrayContaining(named));
  }
});

describe("until-ready", () => {
  /** Runs it beside a process that is there or gone, with a program that is ready from the Nth try on. */
  async function wait(readyAt: number, main: "there" | "gone", ...more: string[]) {
    using folder = temporaryDirectory();
    const program = folder.file("program");
    const tries = folder.file("tries");
    const lines = ["#!/bin/sh", `echo "$1" >> ${tries}`, "echo disk is full"];
    await Bun.write(program, [...lines, `[ $(wc -l < ${tries}) -ge ${readyAt} ]`].join("\n"));
    chmodSync(program, 0o755);
    const gone = Bun.which("true") as string;
    const MAINPID = main === "there" ? String(process.pid) : await pidOf(gone);
    const ended = await run([join(UNITS, "until-ready"), program, ...more], {
      env: { ...process.env, MAINPID },
    });
    return {
      code: ended.code,
      out: ended.out,
      asked: (await Bun.file(tries).text()).trim().split("\n"),
    };
  }
  /** The number of a process that has ended. */
  const pidOf = async (program: string) => {
    const { out } = await run(["sh", "-c", `${program} & echo $!; wait`]);
    return out.trim();
  };

  test("asks until it is", async () => {
    expect(await wait(2, "there")).toEqual({
      code: 0,
      out: "",
      asked: ["healthcheck", "healthcheck"],
    });
  });

  test("goes on with the reason when it takes too long", async () => {
    const asked = ["healthcheck", "healthcheck"];
    expect(await wait(9, "there", "1")).toEqual({
      code: 0,
      out: "started, and not ready: disk is full\n",
      asked,
    });
  });

  test("gives up at once when the process is gone", async () => {
    expect(await wait(9, "gone")).toMatchObject({ code: 1, asked: ["healthcheck"] });
  });
});
