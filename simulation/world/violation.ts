/** A violation that a check has found: its message begins with the name of what does not hold. */
export class Violation extends Error {}
