/** A worker that answers over HTTP and not over the link: nearly always the secrets differ. */
export const LOOK_MS = 5_000;
/** A single look may meet a worker that has just started, and is asked for a sign of life in a moment. */
const LOOKS = 2;

export const DOUBT =
  "The worker answers at WORKER_HTTP, but not over the link: is LINK_SECRET the same, and does UDP reach WORKER_LINK?";

export class LinkDoubt {
  #looks = 0;

  /** True when it has been found so by looks one after the other. */
  get isThere(): boolean {
    return this.#looks >= LOOKS;
  }

  /** True when it has come to be there by this look. */
  look(overLink: boolean, overHttp: boolean): boolean {
    this.#looks = overHttp && !overLink ? this.#looks + 1 : 0;
    return this.#looks === LOOKS;
  }
}
