/** The other end of `bare-server.ts PORT`: `bun bench/bare-echo.ts`, a process of its own. */
import { echo } from "./hop.ts";

const port = await echo("127.0.0.1");
process.stdout.write(`${JSON.stringify({ msg: "ready", port })}\n`);
