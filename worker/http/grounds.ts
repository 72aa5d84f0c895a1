/** Reads what an operator has to say with every decision: who, why, and for some the evidence. */
import { GROUNDS_LENGTH_MAX as LENGTH_MAX } from "../../shared/http-api/operator.ts";
import type { Grounds } from "../intervention.ts";

type Field = keyof typeof LENGTH_MAX;

/** The grounds in a request's body, or the sentence that says what is wrong with it. */
export function parseGrounds(
  body: string,
  needsEvidence: boolean,
  takesUnasked = false,
): { ok: true; grounds: Grounds; unasked: boolean } | { ok: false; reason: string } {
  const said = parseObject(body);
  if (said === null) return wrong('The body must be a JSON object: {"who": "…", "why": "…"}.');
  const { unasked = false, ...fields } = said;
  if (Object.hasOwn(said, "unasked") && !takesUnasked)
    return wrong('The field "unasked" is not known.');
  if (typeof unasked !== "boolean") return wrong("unasked must be true or false.");
  const strange = Object.keys(fields).find((name) => !Object.hasOwn(LENGTH_MAX, name));
  if (strange !== undefined) return wrong(`The field ${JSON.stringify(strange)} is not known.`);
  const required: Field[] = needsEvidence ? ["who", "why", "evidence"] : ["who", "why"];
  const missing = required.find((name) => fields[name] === undefined || fields[name] === null);
  if (missing !== undefined) return wrong(`The field ${missing} is missing.`);
  for (const name of Object.keys(fields) as Field[]) {
    const value = fields[name];
    const optional = value === null && !required.includes(name);
    const complaint = optional ? null : complaintOf(name, value);
    if (complaint !== null) return wrong(complaint);
  }
  const text = (name: Field) => (typeof fields[name] === "string" ? fields[name].trim() : null);
  const [who, why, evidence] = [text("who"), text("why"), text("evidence")];
  return { ok: true, grounds: { who: who as string, why: why as string, evidence }, unasked };
}

function complaintOf(name: Field, value: unknown): string | null {
  if (typeof value !== "string" || value.trim() === "") return `${name} must be a text.`;
  // Length is in characters, as a schema counts them.
  if ([...value].length > LENGTH_MAX[name]) {
    return `${name} may have at most ${LENGTH_MAX[name]} characters.`;
  }
  // They are shown in terminals and logs.
  return /[^\P{Cc}\n\t]/u.test(value) ? `${name} must not hold control characters.` : null;
}

function parseObject(body: string): Partial<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // Not JSON: the caller says so.
  }
}

function wrong(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
