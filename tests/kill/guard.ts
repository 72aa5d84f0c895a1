/**
 * A process that is stopped or killed by a test cannot look after itself when the test dies. A shell
 * does: it hears which processes run, and when its input ends because we are gone, it kills them.
 */
const SCRIPT =
  'while read -r line; do pids=$line; done; [ -n "$pids" ] && kill -9 $pids 2>/dev/null';

let shell: Bun.Subprocess<"pipe", "ignore", "ignore"> | null = null;
const guarded = new Set<number>();

export function guard(pid: number): void {
  guarded.add(pid);
  tell();
}

export function release(pid: number): void {
  guarded.delete(pid);
  tell();
}

function tell(): void {
  if (shell === null) {
    // In a session of its own: the terminal's Ctrl-C ends us, and not the one that cleans up.
    const [stdout, stderr] = ["ignore", "ignore"] as const;
    shell = Bun.spawn(["sh", "-c", SCRIPT], { stdin: "pipe", stdout, stderr, detached: true });
    shell.unref();
  }
  shell.stdin.write(`${[...guarded].join(" ")}\n`);
  void shell.stdin.flush();
}
