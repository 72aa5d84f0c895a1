/**
 * Runs `worker export`: every settled payment of a window on stdout, a line each, from the journal that
 * JOURNAL names, beside a worker that writes it or from a copy. It reads some rows of the ledger at a time,
 * writes them, and goes on when they are written: a pipe that is read slowly costs no memory, and no
 * snapshot is held open that a checkpoint would have to wait for. Rows of the ledger never change, so what
 * was settled when it began is what it gives; a purge meanwhile ends it.
 */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { complain, say } from "../shared/say.ts";
import { parseWindow } from "../worker/http/window.ts";
import { openReader } from "../worker/journal/open-reader.ts";
import type { Instants, JournalReader } from "../worker/journal-reader.ts";
import { instantsOfDay, isTimeZone } from "./export/day.ts";
import { ExportedRows, FORMATS, type Format } from "./export/rows.ts";
import { journalNamed } from "./journal-path.ts";

const USAGE = `usage: worker export [--from INSTANT] [--to INSTANT] [--day DAY --time-zone ZONE] [--format csv|jsonl]

Writes every settled payment that was requested in the window on stdout, in the order of settling:
correlationId, reference, amount, processor, tariff, fee, requestedAt, acceptedAt, settledAt. The last
line on stderr has the sums by processor, which are those of GET /payments-summary. JOURNAL is a file, a
copy of one, or a database; a worker may run.

  --from INSTANT    the first requestedAt, as 2026-01-31T06:30:00-03:00 or with Z (default: the beginning)
  --to INSTANT      the last (default: now)
  --day DAY         a day such as 2026-11-27 instead of both, in the calendar of
  --time-zone ZONE  such as America/Sao_Paulo (UTC)
  --format FORMAT   csv as of RFC 4180, or jsonl: an object a line (csv)
  --help, --version

Exit code 0: all is written, or whoever read has gone away. 1: it could not be read to the end.
`;

const OPTIONS = {
  from: { type: "string" },
  to: { type: "string" },
  day: { type: "string" },
  "time-zone": { type: "string" },
  format: { type: "string", default: "csv" },
} as const;

const ROWS_AT_ONCE = 1_024;

type Order = { readonly window: Instants; readonly format: Format };

export async function exportByHand(args: readonly string[]): Promise<0> {
  const order = readOrder(args);
  const reader = openReader(journalNamed(process.env));
  try {
    const totals = await exportAll(reader, order);
    if (totals !== null) complain(totals);
    return 0;
  } finally {
    await reader.close();
  }
}

/** Gives the sums; null when nobody reads on. */
async function exportAll(reader: JournalReader, { window, format }: Order): Promise<string | null> {
  const prunedMs = await reader.prunedBeforeMs();
  if (prunedMs !== null && window.fromMs < prunedMs) {
    const from = new Date(prunedMs).toISOString();
    throw new Error(
      `payments that were settled before ${from} may have been pruned: ask --from ${from}`,
    );
  }
  const rows = new ExportedRows(await reader.charging(), format);
  if (!say(rows.head())) return null;
  for (const { stream, fromRow, toRow } of await reader.ledger()) {
    for (let row = fromRow; row < toRow; row += ROWS_AT_ONCE) {
      const some = { stream, fromRow: row, toRow: Math.min(toRow, row + ROWS_AT_ONCE) };
      const payments = await reader.exported(some, window);
      const now = (await reader.ledger()).find((one) => one.stream === stream);
      if (now?.fromRow !== fromRow || now.toRow < toRow) {
        throw new Error(
          "payments were purged while they were being read: what was written is not all",
        );
      }
      if (!say(rows.linesOf(payments))) return null;
    }
  }
  return rows.totals();
}

function readOrder(args: readonly string[]): Order {
  const { values } = argumentsOrExit({ usage: USAGE, options: OPTIONS }, args);
  const format = FORMATS.find((name) => name === values.format);
  if (format === undefined) {
    return refuseArguments(USAGE, `--format is one of ${FORMATS.join(", ")}`);
  }
  return { format, window: values.day === undefined ? windowOf(values) : dayOf(values) };
}

type Values = { readonly [Name in keyof typeof OPTIONS]?: string };

function windowOf(values: Values): Instants {
  if (values["time-zone"] !== undefined) {
    return refuseArguments(USAGE, "--time-zone goes with --day");
  }
  const query = new URLSearchParams();
  for (const name of ["from", "to"] as const) {
    const value = values[name];
    if (value === "") return refuseArguments(USAGE, `--${name} is empty`);
    if (value !== undefined) query.set(name, value);
  }
  const parsed = parseWindow(query);
  if (!parsed.ok) return refuseArguments(USAGE, `--${parsed.reason}`);
  const { fromMs, toMs } = parsed.window;
  return {
    fromMs: Math.max(fromMs, Number.MIN_SAFE_INTEGER),
    toMs: Math.min(toMs, Number.MAX_SAFE_INTEGER),
  };
}

function dayOf({ from, to, day = "", "time-zone": zone = "UTC" }: Values): Instants {
  if (from !== undefined || to !== undefined) {
    return refuseArguments(USAGE, "--day takes the place of --from and --to");
  }
  if (!isTimeZone(zone)) {
    return refuseArguments(USAGE, `there is no time zone ${JSON.stringify(zone)}`);
  }
  const found = instantsOfDay(day, zone);
  return found ?? refuseArguments(USAGE, `there is no day ${JSON.stringify(day)} in ${zone}`);
}
