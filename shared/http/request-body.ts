import { problem } from "../problem.ts";

/**
 * Longer bodies are refused by Bun itself, with a bare 413 and a closed connection. It is far above
 * what any call takes so that those refusals can say why; a body that nobody reads costs no memory.
 */
export const SERVER_BODY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads request bodies up to a bound. Bun does not buffer a body before it is asked for, and lets
 * the bytes of one that nobody reads go by; so a body that says it is too long is never read, and
 * one of unknown length is read until it is too long.
 */
export type RequestBody =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refused"; readonly answer: Response };

export async function readRequestBody(request: Request, bytesMax: number): Promise<RequestBody> {
  const length = request.headers.get("content-length");
  try {
    if (length === null) return await readUpTo(request.body, bytesMax);
    // The server reads no more than the length that was announced.
    if (Number(length) <= bytesMax) return { kind: "text", text: await request.text() };
    return Number(length) > bytesMax ? tooLarge(bytesMax) : await readUpTo(request.body, bytesMax);
  } catch {
    return { kind: "refused", answer: problem(400, "The body ended before its announced length.") };
  }
}

async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<RequestBody> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return { kind: "text", text: new TextDecoder().decode(Buffer.concat(chunks)) };
}

/** Closes the connection: its next bytes would be the rest of this body, which nobody wants. */
function tooLarge(bytesMax: number): RequestBody {
  const detail = `The body is longer than ${bytesMax} bytes.`;
  return { kind: "refused", answer: problem(413, detail, { connection: "close" }) };
}
