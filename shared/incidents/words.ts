/** Words of an incident, for the page and for a terminal. */
import type { ToldIncident } from "../http-api/incident.ts";

/** Says what was wrong, where, and in whose words. */
export function whatOf({ message, processor, reason }: ToldIncident): string {
  const where = processor === null ? "" : `${processor}: `;
  return `${where}${message}${reason === null ? "" : ` (${reason})`}`;
}

/** Says what it cost, and how often it came back; empty where it cost nothing. */
export function costOf({ cost, times }: ToldIncident): string {
  const grown = Object.entries(cost).filter(([, count]) => count > 0);
  const counted = grown.map(([name, count]) => `${name} ${count}`);
  return [...counted, ...(times > 1 ? [`${times} times`] : [])].join(", ");
}

/** Says how it stands at the end of its time. */
export function endOf({ ended, cutShort }: ToldIncident): string {
  if (ended === null) return "lasts";
  return cutShort ? "until the worker ended" : "over";
}
