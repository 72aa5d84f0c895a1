/**
 * Measures how long `worker audit` takes to find a missing, an extra and a wrong payment by id
 * among a million, the start of the process included. The processor is simulated in this process.
 */
import { startSimulator } from "../../simulator/server.ts";
import {
  centsOf,
  idOf,
  recordedAs,
  requestedAtMsOf,
  settledJournal,
} from "../../worker/audit/books.fixture.ts";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { run as runProgram } from "../../testing/process.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { commandOf } from "./children.ts";

export const name = "system/audit";

export async function run({ quick, runs, dist, directory }: BenchContext): Promise<Row[]> {
  const count = quick ? 20_000 : 1_000_000;
  using home = temporaryDirectory(directory);
  const path = home.file();
  settledJournal(path, count);
  await using simulator = startSimulator({
    name: "default",
    fee: 0.05,
    host: "127.0.0.1",
    port: 0,
  });
  const { records } = simulator.model;
  // Every tenth payment is settled elsewhere and is not used here.
  const [missing, wrong, extra] = [count / 4 + 1, count / 2 + 1, (count * 3) / 4] as const;
  for (const row of recordedAs(path, 0).records.values()) {
    if (row.correlationId === idOf(missing)) continue;
    const more = row.correlationId === idOf(wrong) ? 1 : 0;
    records.insert({ ...row, amountCents: row.amountCents + more });
  }
  const requestedAtMs = requestedAtMsOf(extra);
  const planted = { amountCents: centsOf(extra), requestedAtMs, recordedAtMs: requestedAtMs };
  records.insert({ correlationId: idOf(extra), ...planted });
  const env = {
    ...process.env,
    JOURNAL: `sqlite:${path}`,
    PROCESSORS: `default=${simulator.url};fee=0.05;audit-token=${simulator.model.token}`,
  };
  const checks = new Checks();
  const figures: number[] = [];
  for (let round = 0; round < runs; round++) {
    const startMs = performance.now();
    const command = commandOf("worker.ts", dist, "audit", "--json");
    const { out, err, code } = await runProgram(command, { env });
    process.stderr.write(err);
    figures.push(performance.now() - startMs);
    const differing = (JSON.parse(out) as AuditReport).processors[0]?.differing ?? [];
    const found = differing.map(({ kind, correlationId }) => `${kind} ${correlationId}`);
    checks.equal("the exit code", code, 1);
    checks.equal("what differs", found, [
      `missing ${idOf(missing)}`,
      `amount ${idOf(wrong)}`,
      `extra ${idOf(extra)}`,
    ]);
  }
  const note = "a missing, an extra and a wrong one, by id";
  return [rowOf(`audit: 3 among ${count}`, "ms", { figures }, checks, note)];
}
