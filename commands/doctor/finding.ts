export type Verdict = "ok" | "warning" | "wrong";

export type Finding = {
  readonly name: string;
  readonly verdict: Verdict;
  /** The figure that was read or measured, and what it is measured by. */
  readonly figure: string;
  /** The line that mends it; null when there is nothing to mend. */
  readonly fix: string | null;
};

export function ok(name: string, figure: string): Finding {
  return { name, verdict: "ok", figure, fix: null };
}

export function warning(name: string, figure: string, fix: string | null): Finding {
  return { name, verdict: "warning", figure, fix };
}

export function wrong(name: string, figure: string, fix: string | null): Finding {
  return { name, verdict: "wrong", figure, fix };
}
