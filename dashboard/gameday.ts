/** Game day is weather for the simulated processors. It exists where `bun run dev` serves the page. */
import { askAt } from "./ask.ts";
import { byId, h, setAttribute, setText } from "./dom.ts";

type GameDay = {
  readonly scenarios: readonly { readonly name: string; readonly about: string }[];
  /** Name of the scenario that is being played, or null. */
  readonly playing: string | null;
  readonly weather: string;
  readonly paymentsPerSecond: number;
  /** The next change, in a sentence, and when it comes. */
  readonly next: { readonly inMs: number; readonly weather: string } | null;
  /** The id of a payment that was posted just now. */
  readonly newest: string | null;
  /** Knowledge of the shop that posts them, in a sentence; null without one. */
  readonly shop: string | null;
};

const TARGET = "/dashboard/gameday";
const PERIOD_MS = 1_000;

export async function startGameDay(show: (correlationId: string) => void): Promise<void> {
  const first = await askAt<GameDay>(TARGET);
  if (!first.ok) return;
  const tell = async (target: string) => {
    const answer = await askAt<GameDay>(`${TARGET}/${target}`, { method: "POST" });
    if (answer.ok) tellOf(answer.value);
    else setText(byId("gameday-now"), answer.detail);
  };
  byId("gameday-buttons").replaceChildren(
    ...first.value.scenarios.map(({ name, about }) =>
      h(
        "button",
        { type: "button", title: about, "data-scenario": name, onclick: () => void tell(name) },
        name,
      ),
    ),
  );
  let newest: string | null = null;
  const tellOf = (now: GameDay) => {
    newest = now.newest;
    tellAll(now);
  };
  byId("gameday-follow").addEventListener("click", () => {
    if (newest !== null) show(newest);
  });
  byId("gameday-kill").addEventListener("click", () => void tell("kill"));
  setAttribute(byId("gameday"), "hidden", null);
  tellOf(first.value);
  setInterval(() => {
    if (!document.hidden) void askAt<GameDay>(TARGET).then((now) => now.ok && tellOf(now.value));
  }, PERIOD_MS);
}

function tellAll({ playing, weather, paymentsPerSecond, next, newest, shop }: GameDay): void {
  setText(byId("gameday-shop"), shop ?? "");
  for (const button of byId("gameday-buttons").children) {
    const pressed = button.getAttribute("data-scenario") === playing;
    setAttribute(button, "aria-pressed", String(pressed));
  }
  setAttribute(byId("gameday-follow"), "disabled", newest === null ? "" : null);
  if (paymentsPerSecond === 0) {
    const hint = "Choose one: payments come, and the processors go through its weather.";
    return setText(byId("gameday-now"), hint);
  }
  const then = next === null ? "" : ` In ${Math.ceil(next.inMs / 1_000)} s: ${next.weather}.`;
  setText(
    byId("gameday-now"),
    `Now: ${weather}.${then} ${paymentsPerSecond} payments a second are posted.`,
  );
}
