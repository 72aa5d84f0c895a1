import { expect, test } from "bun:test";
import { problemOf } from "../../shared/problem.fixture.ts";
import { runHttp } from "./server.fixture.ts";

test("the map is told as it is, and by a worker with a file not at all", async () => {
  const shards = [0, 255];
  const workers = [{ name: "w1", link: "10.0.0.5:9996", http: "http://10.0.0.5:9995", shards }];
  await using worker = runHttp({ cluster: () => ({ version: 1_764_000_000_000, workers }) });
  const told = await worker.call("GET", "/cluster");
  expect(await told.json()).toEqual({ version: 1_764_000_000_000, workers });
  await using alone = runHttp();
  const refused = await alone.call("GET", "/cluster");
  expect(refused.status).toBe(404);
  expect(await problemOf(refused)).toContain("is a file");
});
