/**
 * How many attempts that did not settle a payment are kept of it: how its trouble began, and how it
 * stands. All others are a count between the two.
 */
export const ATTEMPTS_KEPT = { first: 3, last: 3 } as const;
