import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { HttpConnection, type Outcome } from "../http/connection.ts";
import { systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import { openUdpClient } from "../link.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { payment } from "../link/link.fixture.ts";
import { Overdue } from "./overdue.ts";
import { pauseWhileReading, somebodyElse } from "./pause.fixture.ts";

const CONNECTIONS = 1_500;
/** Long enough that even on a busy machine the pause begins before it is over. */
const TIMEOUT_MS = 1_000;
const PAUSE_MS = 1_250;
const REQUEST = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

test("answers that came in time, during a pause of ours, are answers", async () => {
  using directory = temporaryDirectory();
  const answered = directory.file("answered");
  using server = await somebodyElse(`
    const { writeFileSync } = require("node:fs");
    const answer = "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n";
    let answers = 0;
    const reply = (socket) => {
      socket.write(answer);
      if (++answers === 2 * ${CONNECTIONS}) writeFileSync(${JSON.stringify(answered)}, "");
    };
    const data = (socket) => void setTimeout(() => reply(socket), 30);
    console.log(Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data } }).port);
  `);
  const endpoint = { hostname: "127.0.0.1", port: server.port };
  const connections = Array.from(
    { length: CONNECTIONS },
    () => new HttpConnection(endpoint, 5_000),
  );
  const callAll = (timeoutMs: number) =>
    Promise.all(
      connections.map(
        (connection) => new Promise<Outcome>((done) => connection.call(REQUEST, done, timeoutMs)),
      ),
    );
  const kindsOf = (outcomes: Outcome[]) => [...new Set(outcomes.map(({ kind }) => kind))];
  expect(kindsOf(await callAll(5_000))).toEqual(["answer"]);
  const calling = callAll(TIMEOUT_MS);
  // However slow the other process is, all its answers lie there when the pause ends.
  await pauseWhileReading(PAUSE_MS, { isOver: () => existsSync(answered) });
  expect(kindsOf(await calling)).toEqual(["answer"]);
  for (const connection of connections) connection.close();
});

test("verdicts that came during a pause of ours count, and the worker has not fallen silent", async () => {
  using directory = temporaryDirectory();
  const answered = directory.file("answered");
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  using server = await somebodyElse(`
    import { writeFileSync } from "node:fs";
    import { openUdpServer } from ${at("../link.ts")};
    const settings = { LINK_HOST: "127.0.0.1", LINK_PORT: 0, LINK_SECRET: null };
    const log = { warn() {} };
    const answer = (_, done) => void setTimeout(() => answered(done), 60);
    const answered = (done) => {
      done({ kind: "stored" });
      // Verdicts leave with the end of the turn.
      setTimeout(() => writeFileSync(${JSON.stringify(answered)}, ""), 20);
    };
    console.log((await openUdpServer(settings, log, answer)).port);
  `);
  const settings = {
    WORKER_LINK: { host: "127.0.0.1", port: server.port },
    LINK_SECRET: null,
    ACK_TIMEOUT_MS: TIMEOUT_MS,
  };
  const log = { warn() {}, error() {} } as unknown as Log;
  const client = await openUdpClient(settings, systemClock, log);
  while (!client.answering) await Bun.sleep(1);
  const paying = client.pay(payment(1));
  await new Promise((sent) => setImmediate(sent));
  await pauseWhileReading(3_000, { isOver: () => existsSync(answered) });
  expect(client.answering).toBe(true);
  expect(await paying).toEqual({ kind: "stored" });
  client.close();
});

test("what does not come at all is overdue, after a pause too", async () => {
  const judged = Promise.withResolvers<void>();
  new Overdue(TIMEOUT_MS, judged.resolve);
  await pauseWhileReading(PAUSE_MS);
  await judged.promise;
});

test("what is cancelled is never overdue, not even while what has come is read", async () => {
  const judged: string[] = [];
  const overdue = new Overdue(TIMEOUT_MS, () => judged.push("cancelled"));
  const { promise, resolve } = Promise.withResolvers<void>();
  // Due at the same instant, and cancelled by nobody.
  new Overdue(TIMEOUT_MS, resolve);
  await pauseWhileReading(PAUSE_MS);
  setTimeout(() => overdue.cancel(), 0);
  await promise;
  await Bun.sleep(10);
  expect(judged).toEqual([]);
});
