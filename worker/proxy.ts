import { exitWith } from "../shared/process.ts";

/** Refuses a proxy: payments must not take a detour that nobody chose on purpose. */
export function refuseProxy(): void {
  const found = foundProxy(process.env);
  if (found === null) return;
  exitWith(`${found}: payments are not sent through a proxy; start the worker without it`);
}

export function foundProxy(env: Record<string, string | undefined>): string | null {
  const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"];
  return names.find((name) => env[name]) ?? null;
}
