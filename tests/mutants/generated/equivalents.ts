/**
 * Generated mutants that no test can notice, with the reason: what they change makes no difference that a
 * caller, a processor or a journal could see. They count neither as found nor as survivors.
 */
type Reason = { readonly why: string; readonly names: readonly string[] };

const REASONS: readonly Reason[] = [];

export const EQUIVALENT: ReadonlyMap<string, string> = new Map(
  REASONS.flatMap(({ why, names }) => names.map((name) => [name, why] as const)),
);
