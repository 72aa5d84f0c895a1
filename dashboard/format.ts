/** Writes figures as they are shown: thousands apart, units named, as many digits as are worth reading. */
const NARROW_SPACE = "\u202f";

/** A whole number, or the text of a decimal. */
export function grouped(value: number | string): string {
  const [whole = "", decimals] = String(value).split(".");
  const apart = whole.replaceAll(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
  return decimals === undefined ? apart : `${apart}.${decimals}`;
}

export function perSecond(count: number, spanMs: number): string {
  const rate = spanMs === 0 ? 0 : (count * 1_000) / spanMs;
  return grouped(rate < 10 && !Number.isInteger(rate) ? rate.toFixed(1) : Math.round(rate));
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 10_000) return `${grouped((ms / 1_000).toFixed(1))} s`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : grouped(Math.round(ms))} ms`;
}

/** Writes how long something lasts, in its two largest units. */
export function span(seconds: number): string {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1_000))} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) {
    const rest = whole % 60;
    return `${Math.floor(whole / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** Local time of day, with milliseconds when they are wanted. */
export function clock(iso: string, precise = false): string {
  const date = new Date(iso);
  const text = CLOCK.format(date);
  return precise ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** Local date and time. */
export function day(iso: string): string {
  const date = new Date(iso);
  const pad = (n: number) => String(n).padStart(2, "0");
  const ymd = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  return `${ymd} ${clock(iso)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
