/**
 * Reads the secrets of PROCESSORS_FILE again while the worker runs, on SIGHUP: a secret that is changed
 * every day needs no restart. Whatever else the file says counts from the next start on: a fee that changed
 * under payments that are being sent would belong to nobody.
 */
import type { Log } from "../shared/log.ts";
import type { ProcessorSetting } from "./processor-setting.ts";
import {
  readWithProcessors,
  withoutSecrets,
  workerSettings,
  type WorkerSettings,
} from "./settings.ts";

type Renewed = { renew(setting: ProcessorSetting): void };

/** A mistake in the file is one line in the log, and everything stays as it was. */
export function rereadSecrets(
  { PROCESSORS: atStart }: Pick<WorkerSettings, "PROCESSORS">,
  log: Pick<Log, "info" | "warn" | "error">,
  http: { renew(auditTokens: Readonly<Record<string, string>>): void },
  clients: readonly { readonly name: string; readonly client: Renewed }[],
  env: Record<string, string | undefined> = process.env,
): void {
  const read = readWithProcessors(workerSettings, env);
  if (!read.ok) return log.error({ reason: read.reason }, "secrets could not be read again");
  const now = read.settings.PROCESSORS;
  const withToken = now.flatMap(({ name, auditToken }) =>
    auditToken === undefined ? [] : [[name, auditToken] as const],
  );
  const named = now.filter(({ auditToken, secret }) => (auditToken ?? secret) !== undefined);
  for (const { name, client } of clients) {
    const before = atStart.find((one) => one.name === name);
    const secret = now.find((one) => one.name === name)?.secret;
    if (before?.secret !== undefined && secret !== undefined) client.renew({ ...before, secret });
  }
  http.renew(Object.fromEntries(withToken));
  log.info({ processors: named.map(({ name }) => name) }, "read the secrets again");
  const isOther =
    JSON.stringify(now.map(withoutSecrets)) !== JSON.stringify(atStart.map(withoutSecrets));
  if (isOther)
    log.warn("processors have changed in PROCESSORS_FILE; that counts from the next start on");
}
