/**
 * Runs `worker operator …`: the operator's calls from a terminal. It talks to a running worker over
 * its HTTP listener, opens nothing itself, and decides nothing: a refusal there is one line here.
 */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { say } from "../shared/say.ts";
import { OPERATOR_LINE, readCall, type Call } from "./operator/arguments.ts";
import { callerFrom } from "./operator/call.ts";
import { describe } from "./operator/describe.ts";
import { loginName } from "./operator/login.ts";

export async function operateByHand(args: readonly string[]): Promise<0> {
  const { words, values } = argumentsOrExit(OPERATOR_LINE, args.length === 0 ? ["--help"] : args);
  const { method, target, body, shows } = callOrExit(() =>
    readCall(words, values, loginName(process.env)),
  );
  const answer = await callerFrom(process.env)(method, target, body);
  say(values.json ? `${answer}\n` : describe(shows, JSON.parse(answer), Date.now()));
  return 0;
}

function callOrExit(read: () => Call): Call {
  try {
    return read();
  } catch (error) {
    return refuseArguments(OPERATOR_LINE.usage, (error as Error).message);
  }
}
