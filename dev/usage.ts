/** Says what `bun run dev` does. */
import { SCENARIO_NAMES } from "./scenarios.ts";

export const USAGE = `usage: bun run dev [--cluster] [--scenario ${SCENARIO_NAMES.join("|")}]

Two simulated processors, the worker and two APIs that share a port. What has been paid is kept in
DATA_DIR between runs; the simulated processors remember nothing. Further settings of the worker and
the APIs (PATIENCE_MS, JOURNAL_SYNC and the like) are passed on to them.

With --scenario payments are posted while the processors go through that weather again and again, to
be watched on the dashboard. It begins with nothing, in data/gameday.

With --cluster two workers share a PostgreSQL of Debian's package postgresql, 15 or later, which is
started for it on a free port, and forgotten in the end.`;
