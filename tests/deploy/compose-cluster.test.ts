/**
 * Holds compose.cluster.yaml against the programs' own settings, without Docker: what each container is
 * given is a setting that parses, and APIs have the addresses that workers say they are reached at.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { apiSettings } from "../../api/settings.ts";
import { readSettings } from "../../shared/settings.ts";
import { ROOT } from "../../testing/programs.ts";
import { reachedAt } from "../../worker/cluster/reached-at.ts";
import { readWithProcessors, workerSettings } from "../../worker/settings.ts";

type Env = Record<string, string>;
type Service = { readonly image: string; readonly environment?: Env };

/** Fills in variables as Compose does: with their default, or as if somebody had set them. */
function filled(text: string): string {
  return text
    .replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1")
    .replaceAll(/\$\{([A-Z_]+):\?[^}]*\}/g, "set-$1-of-some-length");
}

const written = await Bun.file(join(ROOT, "compose.cluster.yaml")).text();
const { services } = Bun.YAML.parse(filled(written)) as { services: Record<string, Service> };

function environmentsOf(program: string): Env[] {
  const all = Object.values(services).filter(({ image }) => image.includes(`-${program}:`));
  return all.map(({ environment = {} }) => environment);
}

test("what it gives is known, and APIs have the addresses at which workers are reached", () => {
  const workers = environmentsOf("worker").map((env) => {
    expect(Object.keys(env).filter((name) => !(name in workerSettings))).toEqual([]);
    const read = readWithProcessors(workerSettings, env);
    if (!read.ok) throw new Error(read.reason);
    return { journal: read.settings.JOURNAL, at: reachedAt(read.settings) };
  });
  expect(workers).toHaveLength(2);
  expect(new Set(workers.map(({ journal }) => journal)).size).toBe(1);
  const apis = environmentsOf("api");
  expect(apis).toHaveLength(2);
  for (const env of apis) {
    expect(Object.keys(env).filter((name) => !(name in apiSettings))).toEqual([]);
    const read = readSettings(apiSettings, env);
    if (!read.ok) throw new Error(read.reason);
    expect(env["WORKER_LINK"]).toBe(workers.map(({ at }) => at.link).join(","));
    expect(env["WORKER_HTTP"]).toBe(workers.map(({ at }) => at.http).join(","));
  }
});
