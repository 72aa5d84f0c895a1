/** Says when each beat is due, in milliseconds since 1970: threads do not share `performance.now`. */
declare const self: Worker;

export type Pace = { readonly intervalMs: number; readonly count: number };
export type Paced = { readonly dueAtMs: number };

const sleeper = new Int32Array(new SharedArrayBuffer(4));

self.onmessage = ({ data: { intervalMs, count } }: MessageEvent<Pace>) => {
  const startMs = performance.now();
  for (let beat = 0; beat < count; beat++) {
    const dueMs = startMs + beat * intervalMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
    self.postMessage({ dueAtMs: performance.timeOrigin + dueMs } satisfies Paced);
  }
};
