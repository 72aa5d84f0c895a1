/** A worker that answers over HTTP and not over the link: nearly always the secrets differ. */

/** A single look may meet a worker that has just started, and is asked for a sign of life in a moment. */
const LOOKS = 2;

export class LinkDoubt {
  #looks = 0;

  /** True when it has been found so by looks one after the other. */
  get isThere(): boolean {
    return this.#looks >= LOOKS;
  }

  look(overLink: boolean, overHttp: boolean): void {
    this.#looks = overHttp && !overLink ? this.#looks + 1 : 0;
  }
}
