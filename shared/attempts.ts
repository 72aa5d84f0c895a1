/**
 * Limits how many attempts that did not settle a payment are kept: the first ones show how its
 * trouble began, the last ones how it stands. All others are a count between the two.
 */
export const ATTEMPTS_KEPT = { first: 3, last: 3 } as const;
