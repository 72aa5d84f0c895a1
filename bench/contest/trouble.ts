/** The reason why a contest cannot be held as it was asked for: a sentence for the person who asked. */
export class Trouble extends Error {}
