/** The number of users grows from 1 to `users` over the whole test, as in k6's `ramping-vus`. */
export type Ramp = { readonly users: number; readonly durationMs: number };

export function usersAt(ms: number, { users, durationMs }: Ramp): number {
  const more = Math.floor(((users - 1) * Math.max(0, ms)) / durationMs);
  return Math.min(users, 1 + more);
}

/** Start of a user, counted from 0. The last of several would begin when the test is over. */
export function startOfUserMs(user: number, { users, durationMs }: Ramp): number {
  return user === 0 ? 0 : (user * durationMs) / (users - 1);
}
