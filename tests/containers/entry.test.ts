import { expect, test } from "bun:test";
import { join } from "node:path";
import { workerSettings } from "../../worker/settings.ts";
import { entryOf } from "./entry.ts";

const compose = await Bun.file(join(import.meta.dir, "../../compose.yaml")).text();
const given = { IMAGES: "docker.io/somebody/papa-leguas", LINK_SECRET: "5".repeat(64) };

test("an entry to the contest says all of compose.yaml, and leaves nothing open", () => {
  const text = entryOf(compose, given);
  expect(text).not.toMatch(/\$\{|<<|build:|[&*][a-z]/);
  const { services, ...rest } = Bun.YAML.parse(text) as Record<string, Record<string, any>>;
  expect(Object.keys(services ?? {})).toEqual(["haproxy", "api1", "api2", "worker"]);
  expect(rest["volumes"]).toMatchObject({ sockets: { driver_opts: { type: "tmpfs" } } });
  expect(rest["networks"]).toMatchObject({ "payment-processor": { external: true } });
  expect(services).toMatchObject({
    haproxy: { image: "haproxy:3.0-alpine", ports: ["9999:9999"] },
    api1: {
      image: "docker.io/somebody/papa-leguas-api:latest",
      read_only: true,
      environment: { HOST: "unix:/sockets/api1.sock", LINK_SECRET: given.LINK_SECRET },
    },
    api2: { environment: { HOST: "unix:/sockets/api2.sock", LINK_SECRET: given.LINK_SECRET } },
    worker: { environment: { PATIENCE_MS: "30000", LINK_SECRET: given.LINK_SECRET } },
  });
  const limits = Object.values(services ?? {}).map(({ deploy }) => deploy.resources.limits);
  const sum = (figures: number[]) => figures.reduce((a, b) => a + b, 0);
  expect(sum(limits.map(({ cpus }) => Number(cpus)))).toBeLessThanOrEqual(1.5);
  expect(sum(limits.map(({ memory }) => Number.parseInt(memory, 10)))).toBeLessThanOrEqual(350);
});

test("the link's secret has no default", () => {
  expect(() => entryOf(compose, {})).toThrow("LINK_SECRET must be");
});

test("compose.yaml hands the worker every setting of webhooks, which are off without", () => {
  const environmentOf = (more: Record<string, string>) => {
    const { services } = Bun.YAML.parse(entryOf(compose, { ...given, ...more })) as {
      services: { worker: { environment: Record<string, string> } };
    };
    return services.worker.environment;
  };
  const settings = Object.entries(workerSettings).filter(([name]) => name.startsWith("WEBHOOK_"));
  const defaults = settings.map(([name, setting]) => [name, setting.default]);
  expect(environmentOf({})).toMatchObject(Object.fromEntries(defaults));
  const values = Object.fromEntries(settings.map(([name]) => [name, `a ${name}`]));
  expect(environmentOf(values)).toMatchObject(values);
});
