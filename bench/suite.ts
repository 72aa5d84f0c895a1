/** Every benchmark, in the order of the table. */
import type { Benchmark } from "./benchmark.ts";
import * as breaker from "./micro/breaker.ts";
import * as journal from "./micro/journal.ts";
import * as journalCpu from "./micro/journal-cpu.ts";
import * as ledger from "./micro/ledger.ts";
import * as link from "./micro/link.ts";
import * as queue from "./micro/queue.ts";
import * as request from "./micro/request.ts";
import * as router from "./micro/router.ts";
import * as summary from "./micro/summary.ts";
import * as acceptLatency from "./system/accept-latency.ts";
import * as acceptRate from "./system/accept-rate.ts";
import * as auditCommand from "./system/audit-command.ts";
import * as contestLoad from "./system/contest-load.ts";
import * as echo from "./system/echo.ts";
import * as exported from "./system/export.ts";
import * as dashboards from "./system/dashboards.ts";
import * as idle from "./system/idle.ts";
import * as largeJournal from "./system/large-journal.ts";
import * as linkLoss from "./system/link-loss.ts";
import * as outage from "./system/outage.ts";
import * as pages from "./system/pages.ts";
import * as parts from "./system/parts.ts";
import * as readers from "./system/readers.ts";
import * as settleRate from "./system/settle-rate.ts";
import * as walk from "./system/walk.ts";
import * as webhooks from "./system/webhooks.ts";
import * as upgrade from "./system/upgrade.ts";

export const SUITE: readonly Benchmark[] = [
  acceptRate,
  acceptLatency,
  echo,
  parts,
  dashboards,
  settleRate,
  webhooks,
  outage,
  linkLoss,
  contestLoad,
  idle,
  largeJournal,
  upgrade,
  readers,
  pages,
  walk,
  auditCommand,
  exported,
  summary,
  ledger,
  journal,
  journalCpu,
  link,
  request,
  router,
  breaker,
  queue,
];
