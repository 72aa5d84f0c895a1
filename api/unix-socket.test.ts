import { describe, expect, test } from "bun:test";
import { problemOf } from "../shared/problem.fixture.ts";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { readSettings } from "../shared/settings.ts";
import type { Verdict } from "../shared/verdict.ts";
import { AT_ONCE, ID, PAYMENT, runApi, sendRaw, startFakeWorker } from "./server.fixture.ts";
import { apiSettings } from "./settings.ts";
import { claimSocket } from "./unix-socket.ts";
import { Child, run } from "../testing/process.ts";
import { bareEnv, fromSource } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

function temporary() {
  const folder = temporaryDirectory();
  const path = folder.file("api.sock");
  const remove = () => folder[Symbol.dispose]();
  return { folder: folder.path, path, HOST: `unix:${path}`, [Symbol.dispose]: remove };
}

const COMMAND = fromSource("api.ts");

function startApi(env: Record<string, string>): Promise<Child> {
  return Child.start({ command: COMMAND, env: bareEnv(env) });
}

/** Starts an API that cannot start or is given a command, and tells how it ends. */
async function runApiWith(env: Record<string, string>, ...args: string[]) {
  const { code, err } = await run([...COMMAND, ...args], { env: bareEnv(env) });
  return { exitCode: code, stderr: err };
}

describe("HOST", () => {
  const host = (HOST: string) => readSettings(apiSettings, { HOST });

  test.each(["unix:/a", `unix:/${"a".repeat(106)}`, "0.0.0.0", "::", "shop"])(
    "may be %p",
    (given) => {
      expect(host(given)).toMatchObject({ ok: true, settings: { HOST: given } });
    },
  );

  test.each([
    "unix:",
    "unix:/",
    "unix:a.sock",
    "unix:/a/",
    `unix:/${"a".repeat(107)}`,
    `unix:/${"é".repeat(54)}`,
  ])("may not be %p", (given) => {
    expect(host(given)).toEqual({
      ok: false,
      reason: `HOST: "${given}" is not an address, or unix: and an absolute path of at most 107 bytes`,
    });
  });
});

describe("a path is claimed", () => {
  test("where there is nothing, or the socket of a process that was killed", async () => {
    using place = temporary();
    await claimSocket(place.HOST);
    const first = await startApi({ HOST: place.HOST });
    await first.kill();
    expect(existsSync(place.path)).toBe(true);
    await claimSocket(place.HOST);
    expect(existsSync(place.path)).toBe(false);
  });

  test("not while somebody answers there, whatever the answer is", async () => {
    using place = temporary();
    await using other = Bun.serve({
      unix: place.path,
      fetch: () => new Response(null, { status: 404 }),
    });
    await expect(claimSocket(place.HOST)).rejects.toThrow(`HOST: ${place.path} is in use`);
    const answer = await fetch("http://shop/", { unix: place.path });
    expect([answer.status, other.pendingRequests]).toEqual([404, 0]);
  });

  test("not from one that is there and says nothing", async () => {
    using place = temporary();
    using _ = Bun.listen({ unix: place.path, socket: { data() {} } });
    await expect(claimSocket(place.HOST)).rejects.toThrow("is in use");
    expect(existsSync(place.path)).toBe(true);
  });

  test("not from a file that is no socket, nor from a folder", async () => {
    using place = temporary();
    writeFileSync(place.path, "kept");
    const complaint = `HOST: ${place.path} is there already, and is no socket`;
    await expect(claimSocket(place.HOST)).rejects.toThrow(complaint);
    expect(await Bun.file(place.path).text()).toBe("kept");
    await expect(claimSocket(`unix:${place.folder}`)).rejects.toThrow("is no socket");
  });

  test("and an address of the network needs no claim", async () => {
    await claimSocket("0.0.0.0");
  });
});

describe("the process at a socket", () => {
  test("says where it is, lets everybody connect, is asked for its health, and leaves nothing", async () => {
    using place = temporary();
    // Nobody looks at the port, which is taken.
    await using taken = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response() });
    const env = { HOST: place.HOST, PORT: String(taken.port) };
    await using api = await startApi(env);
    expect(await api.untilReady()).toContain(`"url":"${place.HOST}"`);
    expect(statSync(place.path).mode & 0o777).toBe(0o666);
    // The socket is there, and has no worker.
    const health = await runApiWith(env, "healthcheck");
    expect(health.exitCode).toBe(1);
    expect(health.stderr).toStartWith(`${place.HOST} answered 503: `);
    expect([(await api.stop()).code, api.errors]).toEqual([0, []]);
    expect(existsSync(place.path)).toBe(false);
    expect((await runApiWith(env, "healthcheck")).stderr).toStartWith(`${place.HOST}: ENOENT`);
  });

  test("comes back after it was killed", async () => {
    using place = temporary();
    for (let time = 0; time < 2; time++) {
      await using api = await startApi({ HOST: place.HOST });
      expect(await api.untilReady()).toContain(`"url":"${place.HOST}"`);
      const answer = await fetch("http://shop/livez", { unix: place.path });
      expect(await answer.text()).toBe("alive\n");
    }
  });

  test("refuses what it cannot have, in one line", async () => {
    using place = temporary();
    await using _ = await startApi({ HOST: place.HOST });
    const refusals = [
      [place.HOST, `HOST: ${place.path} is in use: somebody answers there\n`],
      [
        `${place.HOST}/below/api.sock`,
        `HOST: the folder ${place.path}/below cannot be written to\n`,
      ],
      [`unix:${place.folder}/no/api.sock`, `HOST: the folder ${place.folder}/no does not exist\n`],
      // Files cannot be made there, not even by root, who may write everywhere else.
      ["unix:/proc/api.sock", expect.stringMatching(/^[^\n]*\/proc[^\n]*\n$/)],
      ["unix:api.sock", expect.stringMatching(/^HOST: "unix:api.sock" is not [^\n]*\n$/)],
    ] as const;
    for (const [HOST, stderr] of refusals) {
      expect(await runApiWith({ HOST })).toEqual({ exitCode: 1, stderr });
    }
    expect((await fetch("http://shop/livez", { unix: place.path })).status).toBe(200);
  });
});

describe("at a socket as at a port", () => {
  const request = (line: string, ...headers: string[]) =>
    `${line} HTTP/1.1\r\n${["Host: shop", ...headers].join("\r\n")}\r\n\r\n`;

  test("payments are taken, and what a long body is answered", async () => {
    using place = temporary();
    await using api = runApi(undefined, { HOST: place.HOST });
    expect([api.url, api.port]).toEqual([place.HOST, 0]);
    const response = await api.pay(PAYMENT);
    expect([response.status, response.headers.get("location")]).toEqual([202, `/payments/${ID}`]);
    const long = await api.pay(" ".repeat(2049));
    expect([long.status, await problemOf(long)]).toEqual([
      413,
      "The body is longer than 2048 bytes.",
    ]);
    // The length is beyond what Bun itself lets in: it gives its bare refusal.
    const length = `Content-Length: ${17 * 1024 * 1024}`;
    const bare = await sendRaw({ unix: place.path }, request("POST /payments", length));
    expect(bare).toStartWith("HTTP/1.1 413 ");
    expect(api.link.paid).toHaveLength(1);
  });

  test("a connection is kept for the next request, also when the client says no Host", async () => {
    using place = temporary();
    await using _ = runApi(undefined, { HOST: place.HOST });
    const post = request("POST /payments", `Content-Length: ${PAYMENT.length}`) + PAYMENT;
    const last = "GET /livez HTTP/1.0\r\n\r\n";
    const answers = await sendRaw({ unix: place.path }, post, post, last);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([
      "HTTP/1.1 202",
      "HTTP/1.1 202",
      "HTTP/1.1 200",
    ]);
  });

  test("a drain frees the path, answers what is in flight, and leaves a successor alone", async () => {
    using place = temporary();
    const api = runApi(undefined, { HOST: place.HOST });
    const handedOver = Promise.withResolvers<void>();
    const verdict = Promise.withResolvers<Verdict>();
    api.link.verdict = () => {
      handedOver.resolve();
      return verdict.promise;
    };
    const paying = api.pay(PAYMENT);
    await handedOver.promise;
    const stopping = api.stop();
    expect(existsSync(place.path)).toBe(false);
    await claimSocket(place.HOST);
    await using successor = runApi(undefined, { HOST: place.HOST });
    verdict.resolve({ kind: "stored" });
    expect((await paying).status).toBe(202);
    await stopping;
    expect(existsSync(place.path)).toBe(true);
    expect((await successor.call("GET", "/livez")).status).toBe(200);
  });

  test("a client that says nothing holds a drain up no longer than any other", async () => {
    using place = temporary();
    const api = runApi(undefined, { HOST: place.HOST, leaveTimes: { ...AT_ONCE, breakOffMs: 1 } });
    const answer = sendRaw({ unix: place.path });
    await api.call("GET", "/livez");
    await api.stop();
    expect(await answer).toBe("");
    expect(existsSync(place.path)).toBe(false);
  });

  test("event streams are handed on as they come, and end cleanly with the API", async () => {
    using place = temporary();
    const { readable, writable } = new TransformStream<string, string>();
    const events = writable.getWriter();
    await using worker = startFakeWorker(() => {
      const body = readable.pipeThrough(new TextEncoderStream());
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const api = runApi(worker.url, { HOST: place.HOST });
    void events.write("data: 1\n\n");
    const response = await api.call("GET", "/dashboard/events");
    const reader = response.body!.getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe("data: 1\n\n");
    void events.write("data: 2\n\n");
    expect(await next()).toBe("data: 2\n\n");
    await api.stop();
    expect((await reader.read()).done).toBe(true);
  });
});
