/**
 * Reads the list of processors, `name=url;fee=0.05;audit-token=TOKEN` with commas between them. Every
 * mistake has its own sentence, which names the processor by its place and repeats nothing of what was
 * given: what looks like a name may be the rest of a token.
 */
import { PROCESSOR_NAME_TEXT } from "../shared/payment.ts";
import { parseHttpUrl } from "../shared/settings.ts";
import { shareOf } from "../shared/tariff.ts";
import { PROCESSORS_MAX } from "./limits.ts";
import { findTwin, type ProcessorSetting } from "./processor-setting.ts";

export const PROCESSORS_FORM =
  "name=url;fee=0.05, then ;audit-token=TOKEN to have it audited; several are separated by commas, so a fee has a point and a token no comma";

const NAME = new RegExp(PROCESSOR_NAME_TEXT);
/** A part of the amount: 0.05 is 5 %. */
const FEE = /^(?:0(?:\.\d{1,6})?|1)$/;
/** Characters that a header can carry, without the two signs that separate. */
const AUDIT_TOKEN = /^[!-+\--:<-~]+$/;
const FEE_IS = "fee=";
const TOKEN_IS = "audit-token=";
const COMMAS = "processors are separated by commas";

type Read<T> = { readonly ok: true; readonly value: T } | Refused;
type Refused = { readonly ok: false; readonly reason: string };

/** The processors, or the sentence on the first mistake. */
export function readProcessors(list: string): Read<ProcessorSetting[]> {
  const found: ProcessorSetting[] = [];
  const entries = list.split(",").map((entry) => entry.trim());
  if (entries.length > PROCESSORS_MAX) return refused(`more than ${PROCESSORS_MAX} processors`);
  for (const [index, entry] of entries.entries()) {
    const stray = commaMistake(entries[index - 1], entry);
    if (stray !== null) return refused(`processor ${index} ${stray}`);
    const read = readProcessor(entry);
    if (!read.ok) return refused(`processor ${index + 1} ${read.reason}`);
    found.push(read.value);
    const twin = findTwin(found);
    if (twin === null) continue;
    const what = twin.key === "name" ? "name" : "address";
    return refused(`processor ${index + 1} has the ${what} of another`);
  }
  return { ok: true, value: found };
}

function readProcessor(entry: string): Read<ProcessorSetting> {
  if (entry === "") return refused(`is empty; ${PROCESSORS_FORM}`);
  const [place = "", fee, token, ...more] = entry.split(";");
  const equals = place.indexOf("=");
  const [name, address] = [place.slice(0, Math.max(0, equals)), place.slice(equals + 1)];
  const url = parseHttpUrl(address);
  const share = fee?.startsWith(FEE_IS) === true ? fee.slice(FEE_IS.length) : null;
  if (!NAME.test(name)) return refused(nameMistake(place, name));
  if (url === null || /\s/.test(address)) return refused(addressMistake(address));
  if (share === null) return refused(noFee(fee));
  if (!FEE.test(share)) return refused(feeMistake(share));
  const found = { name, kind: "rinha" as const, url, fee: shareOf(Number(share)) };
  if (token === undefined) return { ok: true, value: found };
  const auditToken = token.startsWith(TOKEN_IS) ? token.slice(TOKEN_IS.length) : null;
  if (auditToken === null) return refused(noToken(token));
  if (more.length > 0) return refused(afterToken(more[0] as string));
  if (!AUDIT_TOKEN.test(auditToken)) return refused(tokenMistake(auditToken));
  return { ok: true, value: { ...found, auditToken } };
}

/** Tells the mistake in `processor` when what follows its comma is a part of it; null when it is another one. */
function commaMistake(processor: string | undefined, next: string): string | null {
  if (processor === undefined || beginsProcessor(next)) return null;
  if (/;fee=\d*$/.test(processor) && /^\d+(?:;|$)/.test(next)) {
    return "has a fee with a decimal comma: 0.05 has a point";
  }
  // Behind the last comma of a list there is nothing, and behind any other a name of its own.
  const isRest = next !== "" && !/=\s*https?:/i.test(next);
  if (processor.includes(`;${TOKEN_IS}`) && isRest) {
    return `has a comma in its audit-token, which cannot have one: ${COMMAS}`;
  }
  return null;
}

function nameMistake(place: string, name: string): string {
  if (/^https?:/i.test(place)) return "begins with its address: its name and a = come first";
  if (!place.includes("=")) return "has no = between its name and its address";
  if (name === "") return "has no name before its =";
  if (/\s/.test(name)) return "has white space in its name";
  if (/[A-Z]/.test(name)) return "has a capital letter in its name";
  if (/[^a-z0-9-]/.test(name)) return "has a name with something else than a to z, 0 to 9 and -";
  if (!/^[a-z]/.test(name)) return "has a name that does not begin with a letter";
  return "has a name of more than 32 characters";
}

function addressMistake(address: string): string {
  if (address === "") return "has no address after its =";
  if (/\s/.test(address)) return "has white space in its address";
  if (!/^https?:\/\//i.test(address)) {
    return "has an address that does not begin with http:// or https://";
  }
  const [, authority = ""] = /^\w+:\/\/([^/?#]*)/.exec(address) ?? [];
  if (authority === "") return "has no host in its address";
  if (authority.includes("@")) return "has a user in its address, which cannot have one";
  if (address.includes("#")) return "has a fragment (#) in its address, which cannot have one";
  if (address.includes("?")) return "has a query (?) in its address, which cannot have one";
  const [, port = ""] = /:([^:\]]*)$/.exec(authority) ?? [];
  if (port !== "" && !(/^\d+$/.test(port) && Number(port) <= 65_535)) {
    return "has a port in its address that is no number up to 65535";
  }
  return "has a host in its address that is neither a name nor an address";
}

function noFee(part: string | undefined): string {
  if (part === undefined) return "has no ;fee= after its address";
  if (beginsProcessor(part)) return `has a ; before the next processor: ${COMMAS}`;
  if (part.startsWith(TOKEN_IS)) return "has its audit-token before its fee: the fee comes first";
  return "has something else than ;fee= after its address";
}

function feeMistake(fee: string): string {
  if (fee === "") return "has nothing after its fee=";
  if (/\s/.test(fee)) return `has white space in its fee; ${COMMAS}`;
  if (fee.includes("%")) return "has a fee that is no decimal from 0 to 1: 5 % is 0.05";
  if (/^\.\d+$/.test(fee)) return "has a fee without a digit before its point: 0.05";
  if (fee.startsWith("-")) return "has a fee below 0";
  if (Number(fee) > 1) return "has a fee above 1: 0.05 is 5 %";
  if (/^0\.\d{7,}$/.test(fee)) return "has a fee with more than six decimals";
  return "has a fee that is no decimal from 0 to 1: 0.05 is 5 %";
}

function noToken(part: string): string {
  if (part === "") return "ends with a ;";
  if (beginsProcessor(part)) return `has a ; before the next processor: ${COMMAS}`;
  if (part.startsWith(FEE_IS)) return "has two fees";
  return `has something else than ;${TOKEN_IS} after its fee`;
}

function afterToken(part: string): string {
  if (beginsProcessor(part)) return `has a ; before the next processor: ${COMMAS}`;
  if (part.startsWith(TOKEN_IS)) return "has two audit-tokens";
  return "has a ; in or after its audit-token, which cannot have one";
}

function tokenMistake(token: string): string {
  if (token === "") return "has an audit-token that is empty";
  if (/\s/.test(token)) return "has white space in its audit-token";
  return "has an audit-token with a character that no header can carry";
}

function beginsProcessor(part: string): boolean {
  return /^\s*[\w-]+\s*=\s*\w+:\/\//.test(part);
}

function refused(reason: string): Refused {
  return { ok: false, reason };
}
