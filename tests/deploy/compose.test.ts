/** Tests what compose.production.yaml says, by Compose itself; nothing of it is started. */
import { beforeAll, describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { apiSettings } from "../../api/settings.ts";
import { readSettings, type SettingsTable } from "../../shared/settings.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { workerSettings } from "../../worker/settings.ts";
import { composeCommand } from "../containers/daemon.ts";

type Service = {
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly (string | { readonly host_ip?: string; readonly published: string })[];
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly cap_drop?: readonly string[];
  readonly read_only?: boolean;
  readonly command?: readonly string[];
};
type Compose = { readonly services: Readonly<Record<string, Service>> };

const FILES = ["compose.production.yaml", "compose.prometheus.yaml"];
const command = await composeCommand();
const NOTE = command === null ? " (skipped: there is no Docker Compose)" : "";

describe.skipIf(command === null)(`containers for production${NOTE}`, () => {
  let services: Compose["services"];

  beforeAll(async () => {
    using folder = temporaryDirectory();
    for (const name of FILES) await cp(join(ROOT, name), folder.file(name));
    for (const name of ["api", "worker"]) {
      const example = join(ROOT, `deploy/${name}.env.example`);
      await cp(example, folder.file(`deploy/${name}.env`));
    }
    const files = FILES.flatMap((name) => ["-f", name]);
    const config = [...(command as string[]), ...files, "config"];
    const { code, out, err } = await run(config, { cwd: folder.path });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    ({ services } = Bun.YAML.parse(out) as Compose);
  });

  test("are the gateway, its copies and a Prometheus", () => {
    const names = ["api1", "api2", "backup", "haproxy", "prometheus", "worker"];
    expect(Object.keys(services).sort()).toEqual(names);
    expect(services["backup"]?.command?.[0]).toBe("backup");
  });

  test("publish the shops' port, and what is an operator's to this machine alone", () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) =>
        typeof port === "string"
          ? `${name} ${port.replace(/:\d+(\/tcp)?$/, "")}`
          : `${name} ${port.host_ip === undefined ? "" : `${port.host_ip}:`}${port.published}`,
      ),
    );
    expect(published.sort()).toEqual(
      ["haproxy 8443", "haproxy 127.0.0.1:9990", "prometheus 127.0.0.1:9090"].sort(),
    );
    expect(Object.keys(services["api1"]?.networks ?? {})).toEqual(["inside"]);
  });

  test("have no right and no limit that they do not need", () => {
    for (const [name, service] of Object.entries(services)) {
      expect({ name, ...service }).toMatchObject({ name, cap_drop: ["ALL"], read_only: true });
      expect(JSON.stringify(service)).not.toMatch(
        /"(?:cpus|memory|mem_limit|cpu_shares|privileged)"/,
      );
    }
  });

  test.each<[string, SettingsTable]>([
    ["api1", apiSettings],
    ["api2", apiSettings],
    ["worker", workerSettings],
    ["backup", workerSettings],
  ])("give %s settings that exist and can be used", (name, table) => {
    const given = services[name]?.environment ?? {};
    expect(Object.keys(given).filter((setting) => !(setting in table))).toEqual([]);
    expect(readSettings(table, given)).toMatchObject({ ok: true });
  });

  test("give HAProxy every address that its configuration asks for", async () => {
    const text = await Bun.file(join(ROOT, "deploy/haproxy.cfg")).text();
    const asked = [...text.matchAll(/\$\{([A-Z0-9]+)-/g)].map(([, name]) => name as string);
    expect(Object.keys(services["haproxy"]?.environment ?? {}).sort()).toEqual(
      [...new Set(asked)].sort(),
    );
  });
});
