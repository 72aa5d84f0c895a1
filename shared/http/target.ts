/**
 * Reads path and query of a request. Bun gives an address with an origin when the Host header makes one,
 * which may still be none that can be parsed, and only the target when there is no Host, or an odd one.
 */

/** Path and query; empty when the target is neither a path nor has one. */
export function targetOf(url: string): string {
  const end = url.indexOf("#");
  const whole = end < 0 ? url : url.slice(0, end);
  if (whole.startsWith("/")) return whole;
  const slash = whole.indexOf("/", "http://".length);
  return slash < 0 ? "" : whole.slice(slash);
}

export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

export function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(target.slice(pathOf(target).length));
}
