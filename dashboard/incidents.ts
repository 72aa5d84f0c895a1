/** Lists the newest incidents, over restarts of the worker: when, what, how long, and what it cost. */
import type { ToldIncident } from "../shared/http-api/incident.ts";
import { costOf, endOf, whatOf } from "../shared/incidents/words.ts";
import { byId, setAttribute, table, time } from "./dom.ts";
import { day, span } from "./format.ts";

export class IncidentList {
  readonly #place = byId("incidents-list");
  #shown = "";

  update(incidents: readonly ToldIncident[]): void {
    const shown = JSON.stringify(incidents);
    if (shown === this.#shown) return;
    this.#shown = shown;
    setAttribute(byId("incidents"), "hidden", incidents.length === 0 ? "" : null);
    const rows = incidents.map((one) => [
      time(one.began, day(one.began)),
      whatOf(one),
      `${span(Math.floor(one.durationMs / 1_000))}, ${endOf(one)}`,
      costOf(one),
    ]);
    const heads = ["began", "what", "lasted", "cost"];
    this.#place.replaceChildren(table(heads, rows, "Incidents, the newest first"));
  }
}
