/**
 * Stands in for an API where latencies are compared: it answers 202 at once and does nothing else.
 * With `HOP` it waits for an echo by another container, which is the least that a worker costs.
 */
import { lookup } from "node:dns/promises";
import { claimSocket, letEverybodyConnect, listenAt } from "../../api/unix-socket.ts";
import { openHop } from "../../bench/hop.ts";
import { healthcheckIfAsked, socketPathOf } from "../../shared/healthcheck.ts";
import { HTTP_IDLE_SECONDS } from "../../shared/limits.ts";
import { exitWith } from "../../shared/process.ts";

const { HOST = "", HOP, WORKER_LINK = "" } = process.env;
await healthcheckIfAsked(HOST, "", "/readyz");
await claimSocket(HOST);
const unix = socketPathOf(HOST) ?? exitWith("HOST is not the socket that compose.yaml says");
const [name = "", port] = WORKER_LINK.split(":");
const hop = HOP === undefined ? null : await openHop((await lookup(name)).address, Number(port));
const accepted = () => new Response(null, { status: 202 });
const server = Bun.serve({
  ...listenAt({ HOST, PORT: 0 }),
  development: false,
  idleTimeout: HTTP_IDLE_SECONDS,
  routes: {
    "/payments": { POST: hop === null ? accepted : () => hop().then(accepted) },
    "/readyz": () => new Response("ready\n"),
  },
});
letEverybodyConnect(unix);
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
