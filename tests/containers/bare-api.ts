/** Stands in for an API where latencies are compared: it answers 202 at once and does nothing else. */
import { healthcheckIfAsked } from "../../shared/healthcheck.ts";
import { HTTP_IDLE_SECONDS } from "../../shared/limits.ts";

const PORT = 9999;
await healthcheckIfAsked("0.0.0.0", PORT, "/readyz");
const server = Bun.serve({
  port: PORT,
  development: false,
  idleTimeout: HTTP_IDLE_SECONDS,
  routes: {
    "/payments": { POST: () => new Response(null, { status: 202 }) },
    "/readyz": () => new Response("ready\n"),
  },
});
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
