/**
 * Counts frames with a wrong MAC by the address that they come from. Whoever reaches the port may send
 * from any number of addresses: beyond some they are one.
 */
const ADDRESSES_MAX = 16;
const OTHERS = "others";

type Count = { frames: number; lastAtMs: number };

export class Forged {
  readonly byAddress = new Map<string, Readonly<Count>>();

  note(nowMs: number, address: string): void {
    const isOther = !this.byAddress.has(address) && this.byAddress.size >= ADDRESSES_MAX;
    const name = isOther ? OTHERS : address;
    const frames = (this.byAddress.get(name)?.frames ?? 0) + 1;
    this.byAddress.set(name, { frames, lastAtMs: nowMs });
  }
}
