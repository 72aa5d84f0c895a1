import { describe, expect, test } from "bun:test";
import { parseGrounds } from "./grounds.ts";

const SAID = { who: "ana", why: "ticket 7", evidence: "a mail" };

function reasonOf(body: unknown, needsEvidence = false): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const parsed = parseGrounds(text, needsEvidence);
  if (parsed.ok) throw new Error("it was taken");
  return parsed.reason;
}

describe("grounds", () => {
  test("are taken without the blanks around them; evidence may be left out", () => {
    const parsed = parseGrounds('{"who": " ana ", "why": "ticket 7\\n"}', false);
    const grounds = { who: "ana", why: "ticket 7", evidence: null };
    expect(parsed).toEqual({ ok: true, grounds, unasked: false });
    const whole = parseGrounds(JSON.stringify(SAID), true);
    expect(whole).toEqual({ ok: true, grounds: SAID, unasked: false });
    expect(parseGrounds(JSON.stringify({ ...SAID, evidence: null }), false).ok).toBe(true);
  });

  test("may be as long as that and no longer", () => {
    const longest = { who: "w".repeat(64), why: "y".repeat(500), evidence: "e".repeat(2_000) };
    expect(parseGrounds(JSON.stringify(longest), true).ok).toBe(true);
    for (const [name, value] of Object.entries(longest)) {
      const reason = reasonOf({ ...longest, [name]: `${value}x` }, true);
      expect(reason).toBe(`${name} may have at most ${value.length} characters.`);
    }
  });

  test.each(["", "[]", "null", '"ana"', "{", "7"])("that are %p are no object", (body) => {
    expect(reasonOf(body)).toStartWith("The body must be a JSON object");
  });

  test("without what is needed are refused by its name", () => {
    expect(reasonOf({ why: "x" })).toBe("The field who is missing.");
    expect(reasonOf({ who: "x" })).toBe("The field why is missing.");
    expect(reasonOf({ who: "x", why: "y" }, true)).toBe("The field evidence is missing.");
    expect(reasonOf({ ...SAID, evidence: null }, true)).toBe("The field evidence is missing.");
  });

  test("that say nothing, or something else, are refused", () => {
    for (const value of ["", "  ", 7, {}, ["a"], false]) {
      expect(reasonOf({ ...SAID, who: value })).toBe("who must be a text.");
    }
    expect(reasonOf({ ...SAID, because: "x" })).toBe('The field "because" is not known.');
    expect(reasonOf('{"who":"a","why":"b","__proto__":{}}')).toContain("not known");
    expect(reasonOf('{"who":"a","why":"b","toString":"c"}')).toContain("not known");
  });

  test("may say that a processor cannot be asked, where that is asked for", () => {
    const said = JSON.stringify({ ...SAID, unasked: true });
    expect(parseGrounds(said, true, true)).toEqual({ ok: true, grounds: SAID, unasked: true });
    expect(reasonOf(said, true)).toBe('The field "unasked" is not known.');
    const odd = parseGrounds(JSON.stringify({ ...SAID, unasked: "yes" }), true, true);
    expect(odd).toEqual({ ok: false, reason: "unasked must be true or false." });
  });

  test("that would speak to a terminal are refused", () => {
    for (const character of ["\u001b", "\u0000", "\u009b", "\r", "\u007f"]) {
      expect(reasonOf({ ...SAID, why: `a${character}[2J` })).toContain("control characters");
    }
  });
});
