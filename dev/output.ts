/** What all processes say, line by line, each line behind the name of who said it. */
const NAME_WIDTH = 8;
const COLOURS: Record<string, number> = {
  dev: 1,
  default: 35,
  fallback: 33,
  worker: 32,
  "api-1": 36,
  "api-2": 34,
};

const colours = process.stdout.isTTY && !process.env["NO_COLOR"];

/** Resolves when it is written. */
export function print(name: string, text: string): Promise<void> {
  const prefix = prefixOf(name);
  return write(text.replaceAll(/^/gm, prefix));
}

/** Without a prefix, so that what it holds can be copied. */
export function printPage(text: string): Promise<void> {
  return write(`\n${text}\n`);
}

function prefixOf(name: string): string {
  const padded = `${name.padEnd(NAME_WIDTH)} | `;
  return colours ? `\x1b[${COLOURS[name] ?? 0}m${padded}\x1b[0m` : padded;
}

// Whoever read this went away, or the disk is full: that is no reason to end what runs.
process.stdout.on("error", () => {});

function write(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${text}\n`, () => resolve());
  });
}
