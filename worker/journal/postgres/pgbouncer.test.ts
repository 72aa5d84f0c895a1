/**
 * A real PgBouncer in transaction mode between the gateway and its database is refused with the reason,
 * whether it turns the session's settings away or only drops them. It does not start as root, as
 * PostgreSQL does not.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import { freePorts } from "../../../testing/ports.ts";
import { unprivileged, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { Child } from "../../../testing/process.ts";
import { temporaryDirectory } from "../../../testing/temporary.ts";
import { until } from "../../../testing/until.ts";
import { inspect } from "../postgres.ts";
import { freshDatabase, settingsAt, stopPostgres } from "./postgres.fixture.ts";

const program = Bun.which("pgbouncer") ?? Bun.which("pgbouncer", { PATH: "/usr/sbin" });
const why = WHY_NO_POSTGRES ?? (program === null ? "skipped: there is no pgbouncer" : null);
const DROPPED = [
  "enable_seqscan",
  "enable_hashjoin",
  "enable_mergejoin",
  "jit",
  "lock_timeout",
  "statement_timeout",
  "synchronous_commit",
  "idle_in_transaction_session_timeout",
  "default_transaction_isolation",
];

afterAll(stopPostgres);

/** Starts one before the database; gives the URL that goes through it. */
async function pooled(ignored: readonly string[]) {
  await using ends = new AsyncDisposableStack();
  const folder = ends.use(temporaryDirectory());
  const url = new URL(await freshDatabase());
  const { port } = await freePorts("port");
  await Bun.write(folder.file("users.txt"), `"${url.username}" ""\n`);
  await Bun.write(
    folder.file("pgbouncer.ini"),
    `[databases]
* = host=${url.hostname} port=${url.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder.path, "users.txt")}
pool_mode = transaction
ignore_startup_parameters = ${ignored.join(", ")}
`,
  );
  const as = await unprivileged(folder.path);
  const command = [...as, program!, join(folder.path, "pgbouncer.ini")];
  const child = ends.use(new Child({ command, name: "pgbouncer" }));
  child.start();
  await until("pgbouncer listens", () =>
    Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).then(
      (socket) => Boolean(socket.end()) || true,
      () => false,
    ),
  );
  url.port = String(port);
  const held = ends.move();
  return { url: url.href, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe.skipIf(why !== null)(
  `PgBouncer in transaction mode${why === null ? "" : ` (${why})`}`,
  () => {
    test("that drops the session's settings is refused, and named", async () => {
      await using through = await pooled(DROPPED);
      await expect(inspect(settingsAt(through.url), systemClock)).rejects.toThrow(
        /the settings of our session did not arrive: between is a pooler, as PgBouncer/,
      );
    });

    test("that turns the session's settings away is refused in its own words", async () => {
      await using through = await pooled(["extra_float_digits"]);
      await expect(inspect(settingsAt(through.url), systemClock)).rejects.toThrow(
        /unsupported startup parameter/,
      );
    });
  },
);
