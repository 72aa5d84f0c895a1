/**
 * Keeps the event stream open. A viewer must never take an old figure for a new one: a stream that breaks
 * off, or says nothing for a few seconds, is reported as lost, with when the figures are from.
 */
import type { LiveSnapshot } from "../shared/http-api/live.ts";

const SILENT_MS_MAX = 4_000;
const RETRY_MS = 2_000;

export type Listener = {
  readonly onSnapshot: (snapshot: LiveSnapshot) => void;
  /** Called again and again while the stream is lost; null when nothing has ever come. */
  readonly onLost: (lastAtMs: number | null) => void;
};

export function connect(url: string, { onSnapshot, onLost }: Listener): void {
  let source: EventSource | null = null;
  let lastAtMs: number | null = null;
  let openedAtMs = performance.now();

  const open = () => {
    source?.close();
    openedAtMs = performance.now();
    source = new EventSource(url);
    source.addEventListener("live", ({ data }) => {
      lastAtMs = performance.now();
      onSnapshot(JSON.parse(String(data)) as LiveSnapshot);
    });
  };
  open();
  setInterval(() => {
    const nowMs = performance.now();
    const silentMs = nowMs - Math.max(lastAtMs ?? 0, 0);
    const broken = source?.readyState !== EventSource.OPEN;
    if (!broken && silentMs < SILENT_MS_MAX) return;
    // Nothing is lost in the first moments.
    if (lastAtMs === null && nowMs - openedAtMs < SILENT_MS_MAX && !broken) return;
    onLost(lastAtMs);
    // The browser does not open a stream again that was refused, nor one that hangs.
    const hopeless = source?.readyState === EventSource.CLOSED || silentMs >= SILENT_MS_MAX;
    if (hopeless && nowMs - openedAtMs >= RETRY_MS) open();
  }, 500);
}
