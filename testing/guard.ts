/**
 * A process that is stopped or killed cannot look after what it has started. A shell does: it hears
 * what is to be done once we are gone, and does it when its input ends, which is when we are,
 * however that came about. It runs only while there is something to be done.
 */
const SCRIPT = 'while read -r line; do last=$line; done; eval "$last"';

let shell: Bun.Subprocess<"pipe", "ignore", "ignore"> | null = null;
const commands = new Set<string>();

/** Has a shell run a command once we are gone; gives a function that takes it back. */
export function onceGone(command: string): () => void {
  commands.add(command);
  tell();
  return () => {
    commands.delete(command);
    tell();
  };
}

function tell(): void {
  shell ??= startShell();
  shell.stdin.write(`${[...commands].join("; ")}\n`);
  if (commands.size > 0) {
    void shell.stdin.flush();
    return;
  }
  void shell.stdin.end();
  shell = null;
}

function startShell() {
  const started = Bun.spawn(["sh", "-c", SCRIPT], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    // The shell has a session of its own: the terminal's Ctrl-C ends us, and not the one that
    // cleans up.
    detached: true,
  });
  started.unref();
  return started;
}
