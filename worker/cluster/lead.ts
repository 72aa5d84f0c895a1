/** Says which of several workers does what one does for all: asks processors for their health, audits, sends webhooks. */

/** Another worker: its name, and the origin of its HTTP. */
export type Peer = { readonly name: string; readonly http: string };

export type Lead = {
  /** True when it is this worker. */
  readonly leads: boolean;
  /** The worker that does, when it is another one, and known. */
  readonly leader: Peer | null;
};
