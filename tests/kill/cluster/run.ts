/**
 * The program that `bun run kill --cluster` starts inside of namespaces of its own: what it changes of the
 * network nobody else sees, and what it has started ends with it.
 */
import { killOptions } from "../options.ts";
import { drill } from "./drill.ts";
import { clusterText } from "./report.ts";
import { findTools } from "./tools.ts";

/** The words that run this program there. The shell in between takes in processes that lose their parent. */
export function insideCommand(args: readonly string[]): string[] {
  const namespaces = ["--kill-child", "--pid", "--fork", "--mount-proc", "--net", "--mount"];
  const shell = ["sh", "-c", '"$@"; exit $?', "sh"];
  return ["unshare", ...namespaces, ...shell, process.execPath, import.meta.path, ...args];
}

if (import.meta.main) {
  const tools = await findTools();
  if (typeof tools === "string") throw new Error(tools);
  const over = new AbortController();
  process.once("SIGINT", () => over.abort());
  const options = { ...killOptions(process.argv.slice(2)), over: over.signal };
  const report = await drill(options, tools);
  process.stdout.write(clusterText(report));
  process.exit(report.violations.length === 0 ? 0 : 1);
}
