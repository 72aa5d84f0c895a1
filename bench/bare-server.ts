/**
 * The least that a server can do, as a baseline in a process of its own: `bun bench/bare-server.ts` reads the
 * body as JSON and answers 202, with a port it waits for an echo from there in between. Nothing is checked or
 * stored. Every other path tells what came, so that the load can be checked, and HAProxy finds it well.
 */
import { openHop } from "./hop.ts";

const echoPort = process.argv[2];
const hop = echoPort === undefined ? null : await openHop("127.0.0.1", Number(echoPort));
let count = 0;
let cents = 0;

async function parsed(request: Request): Promise<Response> {
  const { amount } = (await request.json()) as { amount: number };
  count++;
  cents += Math.round(amount * 100);
  if (hop !== null) await hop();
  return new Response(null, { status: 202 });
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  routes: { "/payments": { POST: parsed } },
  fetch: () => Response.json({ count, cents }),
});
process.stdout.write(`${JSON.stringify({ msg: "ready", url: server.url.origin })}\n`);
