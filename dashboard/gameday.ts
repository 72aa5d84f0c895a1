/** Game day: weather for the simulated processors. It exists where `bun run dev` serves the page. */
import { ask } from "./ask.ts";
import { byId, h, setAttribute, setText } from "./dom.ts";

type GameDay = {
  readonly scenarios: readonly { readonly name: string; readonly about: string }[];
  /** What is being played, or null. */
  readonly playing: string | null;
  /** What it is like now, in a sentence. */
  readonly weather: string;
  readonly paymentsPerSecond: number;
};

const TARGET = "/dashboard/gameday";
const PERIOD_MS = 1_000;

export async function startGameDay(): Promise<void> {
  const first = await ask<GameDay>(TARGET);
  if (!first.ok) return;
  const tell = async (target: string) => {
    const answer = await ask<GameDay>(`${TARGET}/${target}`, { method: "POST" });
    if (answer.ok) show(answer.value);
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
  setAttribute(byId("gameday"), "hidden", null);
  show(first.value);
  setInterval(() => {
    if (!document.hidden) void ask<GameDay>(TARGET).then((now) => now.ok && show(now.value));
  }, PERIOD_MS);
}

function show({ playing, weather, paymentsPerSecond }: GameDay): void {
  for (const button of byId("gameday-buttons").children) {
    const pressed = button.getAttribute("data-scenario") === playing;
    setAttribute(button, "aria-pressed", String(pressed));
  }
  setText(byId("gameday-now"), `${weather} ${paymentsPerSecond} payments a second are posted.`);
}
