/**
 * Runs `worker operator …`: the operator's calls from a terminal. It talks to a running worker over
 * its HTTP listener, opens nothing itself, and decides nothing: a refusal there is one line here.
 */
import { complain, say } from "../shared/say.ts";
import { readCommand, USAGE } from "./operator/arguments.ts";
import { callerFrom } from "./operator/call.ts";
import { describe } from "./operator/describe.ts";

/** Ends the process: 0 when it was done, 1 with one line when it was not. */
export async function operateByHand(args: readonly string[]): Promise<never> {
  try {
    const command = readCommand(args, process.env);
    if (command.kind === "help") return end(USAGE);
    const body = await callerFrom(process.env)(command.method, command.target, command.body);
    return end(command.json ? `${body}\n` : describe(command.shows, JSON.parse(body), Date.now()));
  } catch (error) {
    complain((error as Error).message);
    return process.exit(1);
  }
}

function end(text: string): never {
  say(text);
  return process.exit(0);
}
