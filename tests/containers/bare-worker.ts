/** Stands in for the worker behind APIs that wait for an echo: it echoes, and has settled nothing. */
import { lookup } from "node:dns/promises";
import { echo } from "../../bench/hop.ts";
import { healthcheckIfAsked } from "../../shared/healthcheck.ts";

const HTTP_PORT = 9995;
const LINK_PORT = 9996;
const { HTTP_HOST = "", LINK_HOST = "" } = process.env;

await healthcheckIfAsked(HTTP_HOST, HTTP_PORT, "/readyz");
await echo((await lookup(LINK_HOST)).address, LINK_PORT);
const nothing = { totalRequests: 0, totalAmount: 0 };
const server = Bun.serve({
  hostname: HTTP_HOST,
  port: HTTP_PORT,
  development: false,
  routes: {
    "/livez": () => new Response("alive\n"),
    "/readyz": () => new Response("ready\n"),
    "/payments-summary": () => Response.json({ default: nothing, fallback: nothing }),
    "/purge-payments": { POST: () => new Response(null, { status: 204 }) },
  },
});
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
