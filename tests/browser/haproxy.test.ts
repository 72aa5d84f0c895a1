/** Tests what HAProxy, by the configuration that is handed out, sends to the servers behind it. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { NO_HAPROXY, startHaproxy, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
type State = { waiting: boolean };
type PrometheusConfig = {
  readonly scrape_configs: readonly {
    readonly static_configs: readonly {
      readonly targets: readonly string[];
      readonly labels: Readonly<Record<string, string>>;
    }[];
  }[];
};

/** Answers each request a while later, and counts those that came on a connection that still waits. */
function startSlow() {
  const seen = { requests: 0, pipelined: 0 };
  const server = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { waiting: false };
      },
      data(socket, bytes) {
        const requests = bytes.toString("latin1").match(/^(GET|POST) /gm)?.length ?? 0;
        seen.requests += requests;
        if (socket.data.waiting || requests > 1) seen.pipelined += 1;
        socket.data.waiting = true;
        setTimeout(() => {
          socket.data.waiting = false;
          socket.write(ANSWER.repeat(requests));
        }, 10);
      },
    },
  });
  return { seen, port: server.port, [Symbol.dispose]: () => server.stop(true) };
}

test.skipIf(WHY_NO_HAPROXY !== null)(
  `requests that a client pipelines reach a server one after the other${NO_HAPROXY}`,
  async () => {
    using slow = startSlow();
    using directory = temporaryDirectory();
    const ports = { PORT: slow.port, HTTP_PORT: slow.port };
    await using balancer = await startHaproxy({ ports, dataDir: directory.path });
    const answered = Promise.withResolvers<void>();
    let text = "";
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(balancer.url).port),
      socket: {
        data(_, bytes) {
          text += bytes.toString("latin1");
          if (text.match(/^HTTP\/1\.1 200/gm)?.length === 20) answered.resolve();
        },
      },
    });
    const post = "POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}";
    const get = "GET /payments-summary HTTP/1.1\r\nHost: shop\r\n\r\n";
    client.write((post + get).repeat(10));
    await answered.promise;
    client.end();
    expect(slow.seen.requests).toBeGreaterThanOrEqual(20);
    expect(slow.seen.pipelined).toBe(0);
  },
);

test.skipIf(WHY_NO_HAPROXY !== null)(
  `a Prometheus in containers finds each API's own metrics, and nothing else there${NO_HAPROXY}`,
  async () => {
    const asked: string[] = [];
    using api = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => new Response(asked.push(new URL(url).pathname).toString()),
    });
    using directory = temporaryDirectory();
    const ports = { PORT: api.port as number, HTTP_PORT: api.port as number };
    await using balancer = await startHaproxy({ ports, dataDir: directory.path });
    const config = await Bun.file(join(ROOT, "docs/prometheus.compose.yml")).text();
    const { scrape_configs: jobs } = Bun.YAML.parse(config) as PrometheusConfig;
    const behind = jobs.flatMap(({ static_configs: all }) =>
      all.filter(({ targets }) => targets.includes("haproxy:9998")),
    );
    expect(behind).toHaveLength(2);
    asked.length = 0;
    for (const { labels } of behind) {
      const answer = await fetch(balancer.metricsUrl + labels["__metrics_path__"]);
      expect(answer.status).toBe(200);
    }
    expect((await fetch(`${balancer.metricsUrl}/payments-summary`)).status).toBe(503);
    expect(asked.filter((path) => path !== "/readyz" && path !== "/livez")).toEqual([
      "/metrics",
      "/metrics",
    ]);
  },
);
