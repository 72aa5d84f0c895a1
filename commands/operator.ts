/**
 * Runs `worker operator …`: the operator's calls from a terminal. It talks to a running worker over
 * its HTTP listener, opens nothing itself, and decides nothing: a refusal there is one line here.
 */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { complain, say } from "../shared/say.ts";
import { OPERATOR_LINE, readCall, type Call } from "./operator/arguments.ts";
import { callerFrom } from "./operator/call.ts";
import { describe } from "./operator/describe.ts";
import { loginName } from "./operator/login.ts";

/** Ends the process: 0 when it was done, 1 with one line when it was not, 2 when it makes no sense. */
export async function operateByHand(args: readonly string[]): Promise<never> {
  const { words, values } = argumentsOrExit(OPERATOR_LINE, args.length === 0 ? ["--help"] : args);
  const { method, target, body, shows } = callOrExit(() =>
    readCall(words, values, loginName(process.env)),
  );
  try {
    const answer = await callerFrom(process.env)(method, target, body);
    say(values.json ? `${answer}\n` : describe(shows, JSON.parse(answer), Date.now()));
    return process.exit(0);
  } catch (error) {
    complain((error as Error).message);
    return process.exit(1);
  }
}

function callOrExit(read: () => Call): Call {
  try {
    return read();
  } catch (error) {
    return refuseArguments(OPERATOR_LINE.usage, (error as Error).message);
  }
}
