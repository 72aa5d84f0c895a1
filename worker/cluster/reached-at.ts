/**
 * Says where APIs reach this worker, which the database tells other workers and they tell APIs. A worker
 * that listens at one address is reached there; one that listens at all of them has to be told, or is
 * looked for by its machine's name, as containers and machines of one network find each other.
 */
import { hostname } from "node:os";

export type ReachedBy = {
  readonly WORKER_ADDRESS: string;
  readonly LINK_HOST: string;
  readonly LINK_PORT: number;
  readonly HTTP_HOST: string;
  readonly HTTP_PORT: number;
};
/** Host and port of the link, and the origin of HTTP. */
export type ReachedAt = { readonly link: string; readonly http: string };

const ANY = new Set(["0.0.0.0", "::"]);

export function reachedAt(settings: ReachedBy): ReachedAt {
  const { WORKER_ADDRESS, LINK_HOST, LINK_PORT, HTTP_HOST, HTTP_PORT } = settings;
  const at = (listens: string, port: number) => {
    const host = WORKER_ADDRESS || (ANY.has(listens) ? hostname() : listens);
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  };
  return { link: at(LINK_HOST, LINK_PORT), http: `http://${at(HTTP_HOST, HTTP_PORT)}` };
}
