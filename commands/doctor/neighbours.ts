/** Finds out who listens where the worker wants to, and whether processors answer. */
import { lackingWords } from "../../shared/http-api/lacking.ts";
import { lacksOf } from "../../worker/processor/adapters/adapter.ts";
import { originOf } from "../../shared/healthcheck.ts";
import { whyNotBound, type Listening } from "../../shared/net/bind.ts";
import { HttpBooks, NoAnswer } from "../../worker/audit/theirs.ts";
import { headersOf } from "../../worker/processor.ts";
import { adapterOf } from "../../worker/processor/adapters/kinds.ts";
import { exchangeTo, type ExchangeError } from "../../worker/processor/exchange.ts";
import type { ProcessorSetting } from "../../worker/settings.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";
import { isListening } from "./machine.ts";

const ANSWER_MS_MAX = 2_000;
/** A processor may keep a health call waiting for its next window of 5 s. */
const HEALTH_MS_MAX = 7_000;
/** An id that no shop has: it is asked for where a worker already makes the health calls. */
const NOBODY = "00000000-0000-4000-8000-000000000000";

const HEALTH_PATH = "/payments/service-health";

export async function isOurWorker(host: string, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const url = `${originOf(host, port)}/metrics`;
    const text = await (await fetch(url, { signal, proxy: false } as RequestInit)).text();
    return text.includes("papaleguas_resident_memory_bytes");
  } catch {
    return false; // Nobody answers there, or somebody else does.
  }
}

export async function judgePort(
  protocol: "tcp" | "udp",
  [setting, host, port]: readonly [setting: string, host: string, port: number],
  workerRuns: boolean,
): Promise<Finding> {
  const name = `${setting} ${host}:${port}`;
  const at = protocol.toUpperCase();
  if (port !== 0 && isListening(protocol, port)) {
    if (workerRuns) return ok(name, `${at}: taken, and a worker of this gateway answers`);
    const fix = `ss -ln${protocol[0]}p 'sport = :${port}'  # who it is; or another ${setting}`;
    return wrong(name, `${at}: taken by something else`, fix);
  }
  const hostSetting = setting.replace("PORT", "HOST");
  const names = { host: hostSetting, port: setting };
  const trouble = await tryToBind(protocol, { settings: names, host, port });
  if (trouble === null) return ok(name, `${at}: free`);
  return wrong(name, `${at}: ${trouble}`, `${hostSetting}=127.0.0.1`);
}

/** Binds for a moment: an address may be free and not this machine's. */
async function tryToBind(protocol: "tcp" | "udp", at: Listening): Promise<string | null> {
  const { host: hostname, port } = at;
  try {
    if (protocol === "udp") (await Bun.udpSocket({ hostname, port })).close();
    else Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    return whyNotBound(at, error);
  }
}

export async function judgeProcessor(
  processor: ProcessorSetting,
  workerRuns: boolean,
): Promise<Finding[]> {
  if (processor.kind !== "rinha") return [await judgeLook(processor), ...(await lackOf(processor))];
  const findings = [await judgeAnswer(processor, workerRuns)];
  if (processor.auditToken !== undefined && findings[0]?.verdict !== "wrong") {
    findings.push(await judgeToken(processor, processor.auditToken));
  }
  return findings;
}

/** Says which promises a kind does without; nothing of one that cannot be used. */
async function lackOf(processor: ProcessorSetting): Promise<Finding[]> {
  const adapter = await adapterOf(processor).catch(() => null);
  const words = adapter === null ? "" : lackingWords(lacksOf(adapter));
  return words === "" ? [] : [ok(`promises of ${processor.name}`, `it ${words}`)];
}

/** Asks a processor of another kind for a payment that nobody has sent; not one without such a call. */
async function judgeLook(processor: ProcessorSetting): Promise<Finding> {
  const { name, kind, url } = processor;
  const title = `processor ${name}`;
  const adapter = await adapterOf(processor).catch((error: Error) => error.message);
  if (typeof adapter === "string") return wrong(title, adapter, `kind: ${JSON.stringify(kind)}`);
  const payment = { correlationId: NOBODY, amountCents: 1 };
  const call = adapter.lookup?.call(payment);
  if (call === undefined) return ok(title, "not asked: it cannot be asked for a payment");
  const fix = `curl -i '${url}${call.path}'`;
  const exchange = exchangeTo(url, { headers: headersOf(adapter, processor) });
  try {
    const answer = await exchange({ ...call, url: url + call.path, timeoutMs: HEALTH_MS_MAX });
    const { status } = answer;
    const said = adapter.lookup?.classify(answer, payment);
    const isAsked = said?.kind === "nothing" || said?.kind === "unasked";
    if (isAsked && (status < 400 || status === 404)) return ok(title, `status ${status}`);
    const isBusy = status === 429 || status >= 500;
    return isBusy ? warning(title, `status ${status}`, fix) : wrong(title, `status ${status}`, fix);
  } catch (error) {
    const { code, name: failure } = error as ExchangeError;
    const what = String(failure === "TimeoutError" ? failure : code);
    return wrong(title, `no answer from ${url}: ${what}`, fix);
  }
}

async function judgeAnswer({ name, url }: ProcessorSetting, workerRuns: boolean): Promise<Finding> {
  const title = `processor ${name}`;
  const path = workerRuns ? `/payments/${NOBODY}` : HEALTH_PATH;
  const fix = `curl -i ${url}${path}`;
  const startMs = performance.now();
  try {
    const { status, body } = await exchangeTo(url)({ url: url + path, timeoutMs: HEALTH_MS_MAX });
    const figure = `${status} after ${Math.round(performance.now() - startMs)} ms`;
    if (workerRuns && status === 200) return ok(title, figure);
    if (workerRuns && status === 404) return await judgePath(title, url, figure);
    if (status === 429) return ok(title, `${figure}: reachable, asked by somebody else too`);
    if (status !== 200) return wrong(title, `${figure} from ${path}`, fix);
    const failing = /"failing"\s*:\s*(true|false)/.exec(body ?? "")?.[1];
    if (failing === undefined) return wrong(title, `${figure}, which is no service-health`, fix);
    return failing === "false" ? ok(title, figure) : warning(title, `${figure}: failing`, fix);
  } catch (error) {
    const { code, name: kind } = error as ExchangeError;
    return wrong(
      title,
      `no answer from ${url}: ${String(kind === "TimeoutError" ? kind : code)}`,
      fix,
    );
  }
}

/**
 * Tells a processor that does not know the payment from one that knows no path at all. One that has such a
 * path may say that its health is asked too often, or keep the call waiting.
 */
async function judgePath(title: string, url: string, figure: string): Promise<Finding> {
  const request = { url: url + HEALTH_PATH, timeoutMs: ANSWER_MS_MAX };
  const status = await exchangeTo(url)(request).then(
    (answer) => answer.status,
    () => null,
  );
  if (status !== 404) return ok(title, figure);
  const everything = `404 to everything, ${HEALTH_PATH} too: is its path right?`;
  return wrong(title, everything, `curl -i ${url}${HEALTH_PATH}`);
}

async function judgeToken({ name, url }: ProcessorSetting, token: string): Promise<Finding> {
  const title = `audit-token of ${name}`;
  try {
    const nowMs = Date.now();
    await new HttpBooks(url, token).totals({ fromMs: nowMs, toMs: nowMs });
    return ok(title, "taken");
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const fix = `PROCESSORS='${name}=${url};fee=…;audit-token=…'  # the token that its people gave you`;
    return error.lasting ? wrong(title, error.message, fix) : warning(title, error.message, null);
  }
}
