/** Answers whoever asks for an address alone: people type it, and mean the page. */
import { TABLE } from "../http-api/table.ts";

export function leadToPage(): Response {
  return new Response(null, { status: 302, headers: { location: TABLE.page.path } });
}
