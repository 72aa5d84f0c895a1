/** Reads the bytes of an event stream as the data of its events. */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The data of each event that these bytes complete. */
  push(bytes: Uint8Array): string[] {
    const text = this.#decoder.decode(bytes, { stream: true }).replaceAll("\r\n", "\n");
    this.#rest += text;
    // A text without an end holds no event, in however many pieces a long one comes.
    if (!text.includes("\n")) return [];
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(dataOf).filter((data) => data !== "");
  }
}

/** Lines that name the event, set a time to retry, or are comments, are no data. */
function dataOf(block: string): string {
  return block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length).replace(/^ /, ""))
    .join("\n");
}
