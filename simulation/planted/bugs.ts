/**
 * Bugs that the simulation must find. Each is an edit of the source, made while it is loaded and never
 * on disk: production code carries no switch for them, and an edit whose text is not found exactly
 * once fails, so that none can silently plant nothing.
 */
import type { Edit, PlantedBug } from "./edits.ts";
import { BUGS_OF_KINDS } from "./kinds.ts";
import { BUGS_OF_THE_MACHINE } from "./machine.ts";
import { BUGS_OF_RECOUNTS } from "./recounts.ts";

const releaseEvenFromUnknown: Edit = {
  file: "worker/payment.ts",
  find: 'release: { moves: { assigned: "queued" }',
  replace: 'release: { moves: { assigned: "queued", unknown: "queued", held: "queued" }',
};

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "move on timeout",
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/charge.ts",
        find: 'return this.#unknown(payment, "unknown", outcome.reason);',
        replace:
          'return this.#notRecorded(payment, lane, { kind: "refused", reason: "", overloaded: false });',
      },
    ],
  },
  {
    name: "GET 404 taken as absence",
    seedsFrom: 199,
    seedsMax: 400,
    edits: [
      releaseEvenFromUnknown,
      {
        file: "worker/pipeline/charge.ts",
        find: 'if (found.kind !== "found") return found;',
        replace: `if (found.kind !== "found") {
          if (found.kind !== "nothing") return found;
          const attempt = this.#attemptOf(payment, "refused", "404");
          payments.commit(payment, { kind: "release", seq: payment.seq, attempt });
          return { kind: "absent" } as unknown as Looked;
        }`,
      },
      {
        file: "worker/pipeline.ts",
        find: "    this.#resolver.looked(due, isResolved(looked));\n    this.onEvent();",
        replace: `    this.#resolver.looked(due, isResolved(looked));
    if ((looked.kind as string) === "absent") this.queue.putBack(due.payment);
    this.onEvent();`,
      },
    ],
  },
  {
    name: "release on a refusal while another attempt is open",
    seedsMax: 100,
    edits: [
      releaseEvenFromUnknown,
      {
        file: "worker/pipeline/charge.ts",
        find: 'if (payment.state.kind !== "assigned") return this.#unknown(payment, kind, reason);',
        replace: "",
      },
    ],
  },
  {
    name: "JSON 500 taken as refused",
    seedsFrom: 97,
    seedsMax: 200,
    edits: [
      {
        file: "worker/processor/adapters/rinha.ts",
        find: 'return body === "" && complete',
        replace: "return true",
      },
    ],
  },
  {
    name: "any 200 taken as accepted",
    seedsFrom: 10,
    seedsMax: 50,
    edits: [
      {
        file: "worker/processor/adapters/rinha.ts",
        find: "return complete && saysRecorded(body, charge)",
        replace: "return true",
      },
    ],
  },
  {
    name: "an answer about another payment taken for this one's",
    seedsFrom: 10,
    seedsMax: 100,
    edits: [
      {
        file: "worker/processor/words.ts",
        find: "return !isId(value, charge.correlationId);",
        replace: "return false;",
      },
    ],
  },
  {
    name: "every 400 believed",
    seedsMax: 50,
    edits: [
      {
        file: "worker/router/rejections.ts",
        find: "    return nowMs - this.#acceptedAtMs <= BELIEVED_MS;",
        replace: "    return true;",
      },
      {
        file: "worker/router/rejections.ts",
        find: "if (this.acceptances <= before || this.#inARow > IN_A_ROW_MAX) return false;",
        replace: "",
      },
    ],
  },
  {
    name: "the first 400 believed",
    seedsFrom: 9,
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/charge.ts",
        find: "if (before !== undefined) return lane",
        replace:
          "if (before === undefined) return lane.rejectionIsBelieved(nowMs, 0);\n  if (before !== undefined) return lane",
      },
    ],
  },
  {
    name: "a processor believed that contradicts itself",
    seedsFrom: 11,
    seedsMax: 300,
    edits: [
      {
        file: "worker/pipeline/charge.ts",
        find: "if (payment.rejectedBy?.has(lane.number)) lane.contradicted",
        replace: "if (payment.rejectedBy?.has(-1)) lane.contradicted",
      },
    ],
  },
  {
    name: "an instant without a zone taken for another one",
    seedsMax: 50,
    edits: [
      {
        file: "worker/processor/instant.ts",
        find: "const offsetMs = sign === undefined ? 0",
        replace: 'const offsetMs = !(value as string).endsWith("Z") ? 10_800_000',
      },
    ],
  },
  {
    name: "new requestedAt per retry",
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/charge.ts",
        find: `charge({ ...payment.payment, requestedAtMs })`,
        replace: `charge({ ...payment.payment, requestedAtMs: clock.wallMs() })`,
      },
    ],
  },
  {
    name: "acknowledge before commit",
    seedsMax: 20,
    edits: [
      {
        file: "worker/pipeline/intake.ts",
        find: "    payments.open(payment);",
        replace: '    payments.open(payment);\n    this.#answer(answer, { kind: "stored" });',
      },
      {
        file: "worker/pipeline/intake.ts",
        find: '      this.#answer(answer, { kind: "stored" });\n      // The verdict leaves',
        replace: "      // The verdict leaves",
      },
    ],
  },
  {
    name: "acknowledge a duplicate before its original is durable",
    seedsMax: 200,
    edits: [
      {
        file: "worker/pipeline/intake.ts",
        find: "    const acceptedAtMs = clock.wallMs();",
        replace: `    const seen = (this as unknown as { seen?: Set<string> });
    seen.seen ??= new Set();
    if (seen.seen.has(asked.correlationId)) return this.#answer(answer, { kind: "duplicate" });
    seen.seen.add(asked.correlationId);
    const acceptedAtMs = clock.wallMs();`,
      },
    ],
  },
  {
    name: "no probe after a full disk",
    seedsFrom: 20,
    seedsMax: 100,
    edits: [
      {
        file: "worker/journal/group-commit.ts",
        find: "if (batch.length === 0 && this.trouble !== null) batch.push(PROBE);",
        replace: "",
      },
    ],
  },
  {
    name: "ids remembered in memory only",
    seedsMax: 50,
    edits: [
      {
        file: "worker/journal/migrations/0001-tables.ts",
        find: "id BLOB NOT NULL UNIQUE,",
        replace: "id BLOB NOT NULL,",
      },
      {
        file: "worker/journal/sqlite-statements.ts",
        find: " ON CONFLICT (id) DO NOTHING`",
        replace: "`",
      },
      {
        file: "worker/journal/store.ts",
        find: "    const { correlationId, amountCents, source, reference, assignment } = accept;",
        replace: `    const { correlationId, amountCents, source, reference, assignment } = accept;
    const memory = this as unknown as { ids?: Map<string, number> };
    memory.ids ??= new Map();
    const remembered = memory.ids.get(correlationId);
    if (remembered !== undefined) return remembered === amountCents ? DUPLICATE : CONFLICT;
    memory.ids.set(correlationId, amountCents);`,
      },
    ],
  },
  {
    name: "ring rebuilt twice",
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/recovery.ts",
        find: "  if (ledger.head !== nextRow) {",
        replace: `  for (let row = firstRow; row < nextRow; row += ROWS_PER_READ) {
    ledger.restoreRows(await journal.rows(row, Math.min(nextRow, row + ROWS_PER_READ)));
  }
  if (ledger.head < nextRow) {`,
      },
    ],
  },
  {
    name: "exclusive upper bound",
    seedsMax: 20,
    edits: [
      {
        file: "worker/summary.ts",
        find: "if (atMs < fromMs || atMs > toMs) continue;",
        replace: "if (atMs < fromMs || atMs >= toMs) continue;",
      },
    ],
  },
  {
    name: "float sums",
    seedsMax: 50,
    edits: [
      {
        file: "worker/summary.ts",
        find: "cents[processor[i] as number]! += amountCents[i] as number;",
        replace: `const at = processor[i] as number;
    cents[at] = Math.trunc(((cents[at] as number) / 100 + (amountCents[i] as number) / 100) * 100);`,
      },
    ],
  },
  {
    name: "forged verdict believed",
    seedsFrom: 4,
    seedsMax: 100,
    edits: [
      {
        file: "shared/link/frame.ts",
        find: 'if (!timingSafeEqual(expected, bytes.subarray(end))) return drop("mac");',
        replace: "timingSafeEqual(expected, bytes.subarray(end));",
      },
    ],
  },
  {
    name: "verdict of an earlier worker believed",
    seedsFrom: 52,
    seedsMax: 500,
    edits: [
      {
        file: "shared/link/client.ts",
        find: "if (this.#incarnation !== null && !this.#isAnsweredSince(nowMs, frame)) return false;",
        replace: "",
      },
    ],
  },
  {
    name: "another address is followed although payments are open",
    seedsFrom: 9,
    seedsMax: 100,
    edits: [
      {
        file: "worker/addresses.ts",
        find: 'return open === 0 ? { kind: "followed", from } : { kind: "moved", from, open };',
        replace: 'return { kind: "followed", from };',
      },
    ],
  },
  {
    name: "unknown payments are resolved at another address",
    seedsFrom: 9,
    seedsMax: 100,
    edits: [
      {
        file: "worker/pipeline/resolver.ts",
        find: "lane === null || lane.movedFrom !== null ||",
        replace: "lane === null ||",
      },
    ],
  },
  {
    name: "purge reviving settled rows",
    seedsFrom: 18,
    seedsMax: 200,
    edits: [
      {
        file: "worker/journal/sqlite-statements.ts",
        find: 'purgeRows: db.prepare("DELETE FROM ledger"),',
        replace: 'purgeRows: db.prepare("DELETE FROM ledger WHERE false"),',
      },
      {
        file: "worker/journal/store.ts",
        find: 'const baseRow = baseRowAtStart(meta("base_row") ?? 0, lastRow);',
        replace: "const baseRow = 0;",
      },
    ],
  },
  {
    name: "an old open payment forgotten at a start",
    seedsMax: 50,
    edits: [
      {
        file: "worker/journal/sqlite-unsettled.ts",
        find: "    this.#note.run(this.#fromSeq, fromSeq);\n",
        replace: "",
      },
    ],
  },
  {
    name: "NORMAL instead of FULL under a power cut",
    seedsMax: 100,
    edits: [
      {
        file: "worker/journal/store.ts",
        find: "this.#db.run(`PRAGMA synchronous = ${sync}`);\n      this.#statements",
        replace: 'this.#db.run("PRAGMA synchronous = NORMAL");\n      this.#statements',
      },
    ],
  },
  {
    name: "a payment that is held and sent all the same",
    seedsFrom: 4,
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/operator.ts",
        find: "    this.#options.withdraw(payment);\n    await",
        replace: "    await",
      },
    ],
  },
  {
    name: "a hold forgotten at a start",
    seedsMax: 100,
    edits: [
      {
        file: "worker/pipeline/recovery.ts",
        find: 'return { kind: "held", assignment };',
        replace: 'return assignment ? { kind: "unknown", assignment } : { kind: "queued" };',
      },
    ],
  },
  {
    name: "a settlement by hand that counts now, not when it was sent",
    seedsMax: 50,
    edits: [
      {
        file: "worker/pipeline/open-payments.ts",
        find: "    const row = ledger.append(requestedAtMs, amountCents, processor);",
        replace: `    const row = intervention === undefined
      ? ledger.append(requestedAtMs, amountCents, processor)
      : ledger.append(clock.wallMs(), amountCents, processor);`,
      },
    ],
  },
  {
    name: "absence believed whatever was sent since",
    seedsFrom: 50,
    seedsMax: 400,
    edits: [
      {
        file: "worker/pipeline/operator-rules.ts",
        find: "return unsettled(facts) ?? unreachable(facts) ?? unquiet(facts);",
        replace: "return null;",
      },
    ],
  },
  {
    name: "absence believed while what was given up may be charged",
    seedsFrom: 762,
    seedsMax: 900,
    edits: [
      {
        file: "worker/pipeline/operator-rules.ts",
        find: "if (quietMs >= quietMsMin) return null;",
        replace: "if (quietMs >= 0) return null;",
      },
    ],
  },
  {
    name: "absence believed of a processor that could not be asked",
    seedsFrom: 261,
    seedsMax: 500,
    edits: [
      {
        file: "worker/pipeline/operator-rules.ts",
        find: 'if (looked.kind === "nothing" || unasked) return null;',
        replace: "if (looked.kind !== null) return null;",
      },
    ],
  },
  {
    name: "a record that cannot be read taken for none",
    seedsFrom: 528,
    seedsMax: 600,
    edits: [
      {
        file: "worker/processor/adapters/rinha.ts",
        find: '{ kind: "unclear", reason: "200 with',
        replace: '{ kind: "nothing", reason: "200 with',
      },
    ],
  },
  {
    name: "a payment declared absent that keeps its place at its processor",
    seedsFrom: 72,
    seedsMax: 200,
    edits: [
      {
        file: "worker/pipeline/operator.ts",
        find: "    if (refusal === null) withdraw(payment);\n",
        replace: "",
      },
    ],
  },
  {
    name: "any 404 believed on a restored journal",
    seedsFrom: 60,
    seedsMax: 200,
    edits: [
      {
        file: "worker/pipeline/asking.ts",
        find: "if (this.#isAsked(one)) line.nothings.set(one, line.control.mark(streak));",
        replace: "one.missing.delete(lane);",
      },
    ],
  },
  {
    name: "a 404 believed by the control behind it alone",
    seedsFrom: 60,
    seedsMax: 200,
    edits: [
      {
        file: "worker/pipeline/control.ts",
        find: 'return streak === this.#streak ? "proof" : "vain";',
        replace: 'return "proof";',
      },
    ],
  },
  ...BUGS_OF_KINDS,
  ...BUGS_OF_RECOUNTS,
  ...BUGS_OF_THE_MACHINE,
  {
    name: "a fee by today's tariff instead of the payment's",
    seedsFrom: 25,
    seedsMax: 50,
    edits: [
      {
        file: "worker/tariffs.ts",
        find: "eras.findLast(({ fromMs }) => fromMs <= requestedAtMs)",
        replace: "eras.findLast(() => requestedAtMs > 0)",
      },
    ],
  },
];
