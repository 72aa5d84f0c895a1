import { expect, test } from "bun:test";
import { sentencesOf, standingOf, type Story } from "./sentences.ts";

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const story: Story = {
  correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3",
  amount: "19.90",
  status: "settled",
  processor: "fallback",
  acceptedAt: at(0),
  requestedAt: at(1_500),
  settledAt: at(2_500),
  attempts: [{ at: at(20), processor: "default", outcome: "refused", reason: "500" }],
  attemptsLeftOut: 0,
  interventions: [],
};

test("a payment that was refused and went elsewhere", () => {
  expect(sentencesOf(story).map(({ text }) => text)).toEqual([
    "Accepted: 19.90 were written down, then the shop was told 202.",
    "default refused it (500). It recorded nothing, so that another may take it.",
    "Then given to fallback: every call for it there carries this instant as requestedAt.",
    "Settled: fallback has recorded it, 2.5 s after it was accepted.",
  ]);
  expect(standingOf(story)).toBe("It was charged once, by fallback.");
});

test("attempts that were left out are counted where they were", () => {
  const attempts = [20, 30, 40, 2_000, 2_100, 2_200].map((ms) => {
    return { at: at(ms), processor: "default", outcome: "unknown", reason: `at ${ms}` };
  });
  const { settledAt: _, ...open } = story;
  const stuck: Story = { ...open, requestedAt: at(0), status: "unknown", attempts };
  const texts = sentencesOf({ ...stuck, attemptsLeftOut: 117_000 }).map(({ text }) => text);
  expect(texts.slice(4, 7)).toEqual([
    expect.stringContaining("at 40"),
    "Then 117\u202f000 further attempts, which did not settle it either.",
    expect.stringContaining("at 2000"),
  ]);
  expect(sentencesOf({ ...stuck, attemptsLeftOut: 0 })).toHaveLength(8);
});

test("a clock that was set back in between turns nothing round", () => {
  const texts = sentencesOf({ ...story, acceptedAt: at(3_600_000) }).map(({ text }) => text);
  expect(texts.at(0)).toStartWith("Accepted:");
  expect(texts.at(-1)).toBe("Settled: fallback has recorded it.");
});

test("what an operator did, with and without who and why", () => {
  const interventions = [
    { at: at(3_000), action: "hold" },
    { at: at(4_000), action: "settle", who: "ana", why: "It is there.", evidence: "ticket 7" },
  ];
  const { settledAt: _, ...open } = story;
  const texts = sentencesOf({ ...open, status: "held", interventions }).map(({ text }) => text);
  expect(texts.slice(-2)).toEqual([
    "An operator held it.",
    "ana, an operator, declared it settled: It is there. Evidence: ticket 7",
  ]);
});

test.each(["accepted", "assigned", "unknown", "held", "settled", "rejected", "conflict"])(
  "%s is a sentence",
  (status) => {
    expect(standingOf({ ...story, status })).toMatch(/^[A-Z].+\.$/i);
  },
);
