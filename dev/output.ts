/** Prints what all processes say, line by line, each line behind the name of who said it. */
const NAME_WIDTH = 8;
const COLOURS: Record<string, number> = {
  dev: 1,
  default: 35,
  fallback: 33,
  worker: 32,
  "worker-1": 32,
  "worker-2": 92,
  "api-1": 36,
  "api-2": 34,
  shop: 31,
};

const colours = process.stdout.isTTY && !process.env["NO_COLOR"];

/** Prints a line; resolves when it is written. */
export function print(name: string, text: string): Promise<void> {
  const prefix = prefixOf(name);
  return write(text.replaceAll(/^/gm, prefix));
}

/** Prints without a prefix, so that the text can be copied. */
export function printPage(text: string): Promise<void> {
  return write(`\n${text}\n`);
}

function prefixOf(name: string): string {
  const padded = `${name.padEnd(NAME_WIDTH)} | `;
  return colours ? `\x1b[${COLOURS[name] ?? 0}m${padded}\x1b[0m` : padded;
}

// The reader may go away, or the disk may be full: that is no reason to end what runs.
process.stdout.on("error", () => {});

function write(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${text}\n`, () => resolve());
  });
}
