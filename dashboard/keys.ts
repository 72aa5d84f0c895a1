/**
 * Runs what a key stands for, unless the focus is in a field. `?` shows the keys, and what the
 * words mean.
 */
import { byId } from "./dom.ts";

const SECTIONS = ["now", "lanes", "money", "audit", "payment", "open", "windows", "payments"];

export function startKeys(actions: { readonly theme: () => void }): void {
  const help = byId<HTMLDialogElement>("help");
  const showHelp = () => help.showModal();
  byId("help-show").addEventListener("click", showHelp);
  byId("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isWriting(event.target) || document.querySelector("dialog[open]") !== null) return;
    const section = SECTIONS[Number(event.key) - 1];
    if (section !== undefined) byId(section).scrollIntoView();
    else if (event.key === "?") showHelp();
    else if (event.key === "t") actions.theme();
    else if (event.key === "/") byId("story-id").focus();
    else return;
    event.preventDefault();
  });
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea") !== null;
}
