/**
 * Two workers over a PostgreSQL, as `dev --cluster` starts them, and as the README shows them: its lines
 * are run as they stand there, and one of them kills the worker that payments go to. Whether the other one
 * is active beside it or waits makes no difference here.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { isAlive } from "../../testing/proc.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { startStand, type Ports } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";

const PAGES = ["README.md", "README.pt-br.md"];
/** The ports that the pages have are those of the settings' defaults. */
const SHOWN: Readonly<Record<string, keyof Ports>> = {
  9999: "PORT",
  9995: "HTTP_PORT",
  9990: "DASHBOARD_PORT",
};

/** Lines of the block that follows the start of two workers. */
async function linesOf(page: string): Promise<string[]> {
  const text = await Bun.file(join(ROOT, page)).text();
  const [, after = ""] = text.split("run dev --cluster\n```\n");
  return /```sh\n([\s\S]*?)\n```/.exec(after)?.[1]?.split("\n") ?? [];
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `the README's lines with two workers do what it says${NO_POSTGRES}`,
  async () => {
    const [lines, translated] = await Promise.all(PAGES.map(linesOf));
    expect(translated).toEqual(lines);
    await using stand = await startStand({ args: ["--cluster"] });
    const shell = async (line: string) => {
      const command = line.replaceAll(/localhost:(\d+)/g, (_, port: string) => {
        return `127.0.0.1:${stand.ports[SHOWN[port] as keyof Ports]}`;
      });
      const { code, out, err } = await run(["sh", "-c", command]);
      if (code !== 0) throw new Error(`${command}\n${err}`);
      return out;
    };
    const [cluster = "", pay = "", kill = "", again = "", summary = ""] = lines ?? [];
    const { workers } = JSON.parse(await shell(cluster)) as { workers: { shards: number[] }[] };
    expect(workers.flatMap(({ shards }) => shards).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 256 }, (_, shard) => shard),
    );
    expect(await shell(pay)).toMatch(/^HTTP\/1\.1 202 /);
    await shell(kill);
    await until("it is seen that a worker was killed", () =>
      stand.lines.some((line) => /^dev +\| worker-\d was ended by SIGKILL/.test(line)),
    );
    expect(await shell(again)).toContain("HTTP/1.1 202 Accepted");
    await until("both are settled", async () => {
      const sums = JSON.parse(await shell(summary)) as Record<string, { totalRequests: number }>;
      return Object.values(sums).reduce((all, { totalRequests }) => all + totalRequests, 0) === 2;
    });
    stand.signal("SIGINT");
    expect((await stand.ended).code).toBe(0);
    expect(stand.allPids().filter(isAlive)).toEqual([]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `payments are taken again soon after a worker was killed, and none is lost${NO_POSTGRES}`,
  async () => {
    await using stand = await startStand({ args: ["--cluster"] });
    const { gateway } = stand;
    const twenty = () => Array.from({ length: 20 }, () => crypto.randomUUID());
    const pay = (id: string) => gateway.pay(id, 100).catch(() => 503);
    const before = twenty();
    for (const id of before) expect(await pay(id)).toBe(202);
    process.kill(stand.pidOf("worker-1"), "SIGKILL");
    // Shops repeat with the same ids, and those are of many shards.
    const after = twenty();
    await until("all of them are taken", async () => {
      const answers = await Promise.all(after.map(pay));
      return answers.every((status) => status === 202);
    });
    await until("all are settled", () => gateway.areSettled([...before, ...after]));
    expect((await gateway.summary(null))["default"]!.count).toBe(40);
  },
);
