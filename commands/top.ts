/**
 * Runs `worker top`: the live figures of a running worker in a terminal, or as lines where there is
 * none. It reads what the dashboard reads, at an API as well as at the worker.
 */
import { argumentsOrExit } from "../shared/arguments.ts";
import { complain, say } from "../shared/say.ts";
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { follow, once } from "./top/feed.ts";
import {
  fitted,
  isSortKey,
  lineOf,
  screenOf,
  sortedBy,
  UNSORTED,
  type Loss,
} from "./top/screen.ts";
import { Terminal } from "./top/terminal.ts";
import { View } from "./top/view.ts";
import { workerUrl } from "./worker-address.ts";

const USAGE = `usage: worker top [--once] [--json]

The live figures of a worker, once a second: rates, what is open, and each processor with its breaker
and why, latency, calls in flight, what it has settled and what that costs. Keys sort and quit. Without
a terminal it prints a line a second.

  --once   one screen, or one answer, and ends; exit code 1 when no worker answers
  --json   what the worker says, one JSON a line
  --help, --version

The worker, or an API of it, is at WORKER_HTTP, or at HTTP_HOST and HTTP_PORT as it was started.
`;

const LINE = {
  usage: USAGE,
  options: { once: { type: "boolean" }, json: { type: "boolean" } },
} as const;

/** Longest time that the clock of a lost connection may stand still. */
const REDRAW_MS = 1_000;

export async function topByHand(args: readonly string[]): Promise<0> {
  const { once: justOnce = false, json = false } = argumentsOrExit(LINE, args).values;
  const url = workerUrl(process.env);
  if (justOnce) await printOnce(url, json);
  else if (json || !process.stdout.isTTY || !process.stdin.isTTY) await printLines(url, json);
  else await showScreen(url);
  return 0;
}

async function printOnce(url: string, json: boolean): Promise<void> {
  const answer = await once(url);
  if (json) {
    say(`${answer}\n`);
    return;
  }
  const view = new View();
  view.apply(JSON.parse(answer) as LiveSnapshot);
  const lines = screenOf(url, view.figures(), UNSORTED, null, performance.now());
  say(lines.map((line) => `${line}\n`).join(""));
}

/** Prints until a signal, or until nobody reads any more. */
async function printLines(url: string, json: boolean): Promise<void> {
  const end = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => end.abort());
  }
  process.stdout.on("error", () => end.abort());
  const view = new View();
  let lost = false;
  const onSnapshot = (snapshot: LiveSnapshot) => {
    lost = false;
    view.apply(snapshot);
    const figures = view.figures();
    if (json) process.stdout.write(`${JSON.stringify(snapshot)}\n`);
    else if (figures !== null) process.stdout.write(`${lineOf(figures)}\n`);
  };
  const onLoss = (reason: string) => {
    // Each loss is told once, however often the connection is tried again.
    if (!lost) complain(`no connection to ${url}: ${reason}; trying again`);
    lost = true;
  };
  await follow(url, { onSnapshot, onLoss }, end.signal);
}

async function showScreen(url: string): Promise<void> {
  const end = new AbortController();
  const terminal = new Terminal();
  const view = new View();
  let sorting = UNSORTED;
  let loss: Loss = null;
  const draw = () => {
    const lines = screenOf(url, view.figures(), sorting, loss, performance.now());
    terminal.draw(fitted(lines, terminal.size));
  };
  terminal.take({
    onKey(key) {
      if (!isSortKey(key)) return;
      sorting = sortedBy(sorting, key);
      draw();
    },
    onResize: draw,
    onQuit: () => end.abort(),
  });
  const clock = setInterval(draw, REDRAW_MS);
  const onSnapshot = (snapshot: LiveSnapshot) => {
    loss = null;
    view.apply(snapshot);
    draw();
  };
  const onLoss = (reason: string) => {
    loss = { sinceMs: loss?.sinceMs ?? performance.now(), reason };
    draw();
  };
  draw();
  await follow(url, { onSnapshot, onLoss }, end.signal);
  clearInterval(clock);
  terminal.giveBack();
}
