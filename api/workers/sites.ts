/** The workers' HTTP servers by their origins: a peer whose name is resolved, and the path that all others begin with. */
import type { Resolve } from "../../shared/net/names.ts";
import { peerAt, type Peer } from "../../shared/net/peer.ts";

/** `base` has no slash at its end, and is empty for a server of its own. */
export type Site = { readonly peer: Peer; readonly base: string };

/** Keeps a site, and with it the address that answered last, for as long as the process lives. */
export class Sites {
  readonly #resolve: Resolve | undefined;
  readonly #sites = new Map<string, Site>();

  constructor(resolve?: Resolve) {
    this.#resolve = resolve;
  }

  at(origin: string): Site {
    let site = this.#sites.get(origin);
    if (site === undefined) {
      const base = new URL(origin).pathname.replace(/\/$/, "");
      this.#sites.set(origin, (site = { peer: peerAt(origin, this.#resolve), base }));
    }
    return site;
  }
}
