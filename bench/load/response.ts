/**
 * Reads just enough of HTTP/1.1 to know where an answer ends; bodies have a Content-Length or do
 * not exist.
 */
const HEAD_END = "\r\n\r\n";

/** Gives null while there is more to come. Throws on what it does not know. */
export function readResponse(bytes: Buffer): { status: number; bytes: number } | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = bytes.toString("latin1", 0, end);
  if (!head.startsWith("HTTP/1.1 ")) throw new Error(`not an answer: ${head.slice(0, 60)}`);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without a Content-Length: ${head}`);
  const whole = end + HEAD_END.length + Number(length);
  return bytes.length < whole ? null : { status: Number(head.slice(9, 12)), bytes: whole };
}
