/** Mutated by the mutants' own test. */
export const TWO = 1 + 1;
