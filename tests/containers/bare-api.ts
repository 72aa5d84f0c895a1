/** Stands in for an API where latencies are compared: it answers 202 at once and does nothing else. */
import { claimSocket, letEverybodyConnect, listenAt } from "../../api/unix-socket.ts";
import { healthcheckIfAsked, socketPathOf } from "../../shared/healthcheck.ts";
import { HTTP_IDLE_SECONDS } from "../../shared/limits.ts";
import { exitWith } from "../../shared/process.ts";

const HOST = process.env["HOST"] ?? "";
await healthcheckIfAsked(HOST, "", "/readyz");
await claimSocket(HOST);
const unix = socketPathOf(HOST) ?? exitWith("HOST is not the socket that compose.yaml says");
const server = Bun.serve({
  ...listenAt({ HOST, PORT: 0 }),
  development: false,
  idleTimeout: HTTP_IDLE_SECONDS,
  routes: {
    "/payments": { POST: () => new Response(null, { status: 202 }) },
    "/readyz": () => new Response("ready\n"),
  },
});
letEverybodyConnect(unix);
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
