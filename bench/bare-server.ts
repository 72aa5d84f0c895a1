/**
 * The least that a server can do, as a baseline in a process of its own: `bun bench/bare-server.ts unread`
 * answers 202 at once, with `parse` it reads the body as JSON first, and with `hop PORT` it waits for an
 * echo from there as well. Nothing is checked or stored. `GET /seen` tells what came, so that the load
 * can be checked.
 */
import { openHop } from "./hop.ts";

const [kind, echoPort] = process.argv.slice(2);
const hop = kind === "hop" ? await openHop("127.0.0.1", Number(echoPort)) : null;
let count = 0;
let cents = 0;

async function parsed(request: Request): Promise<Response> {
  const { amount } = (await request.json()) as { amount: number };
  count++;
  cents += Math.round(amount * 100);
  if (hop !== null) await hop();
  return new Response(null, { status: 202 });
}

function unread(): Response {
  count++;
  return new Response(null, { status: 202 });
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  routes: {
    "/payments": { POST: kind === "unread" ? unread : parsed },
    "/seen": { GET: () => Response.json({ count, cents }) },
  },
});
process.stdout.write(`${JSON.stringify({ msg: "ready", url: server.url.origin })}\n`);
