/**
 * The functions by which a worker writes: each is one transaction and one round trip, so that a worker
 * which is paused never holds the row of a fence. What a move may start from comes from TRANSITIONS
 * (worker/payment.ts), as it does for SQLite. A hash of their text is part of their names: workers of two
 * versions beside each other each call their own.
 *
 * They are VOLATILE under READ COMMITTED on purpose: each statement in them sees what was committed before
 * it began, and so what a stream's former owner has left.
 */
import { ATTEMPTS_KEPT } from "../../../shared/attempts.ts";
import { LEASE_MS } from "../../cluster/lease.ts";
import { BLOCK_ROWS, LEDGER_ROWS_MAX, STREAM_CENTS_MAX } from "../../limits.ts";
import { TRANSITIONS, type MoveKind } from "../../payment.ts";
import { CODE, expressionOf, targetsByCode } from "../sqlite-moves.ts";
import { BROKEN } from "./connection.ts";
import { IS_OPEN } from "./open-rows.ts";

/** Moves of one statement, and "ask", which moves nothing. A settlement and an acceptance have their own. */
export type PlainMove = Exclude<MoveKind, "accept" | "settle"> | "ask";

/** The processor that a payment belongs to afterwards: the same, the one that is given, or none. */
const OWNER_AFTER: Readonly<Record<PlainMove, "same" | "given" | "none">> = {
  assign: "given",
  find: "given",
  release: "none",
  unknown: "same",
  reject: "same",
  conflict: "same",
  hold: "same",
  resume: "same",
  absent: "none",
  ask: "same",
};
const PLAIN_MOVES = Object.keys(OWNER_AFTER) as PlainMove[];

/** The number by which the function knows a move. */
export const MOVE_NUMBER = Object.fromEntries(
  PLAIN_MOVES.map((kind, number) => [kind, number]),
) as Record<PlainMove, number>;

/** Newest `requestedAt` of the ledger, and of what was purged of it; null when there is none. */
export const NEWEST = `greatest((SELECT requested_up_to_ms FROM meta), (SELECT max(max_ms) FROM blocks),
    (SELECT max(newest.ms) FROM streams t, LATERAL (SELECT max(requested_at_ms) AS ms FROM ledger l WHERE l.stream = t.stream AND l.row >=
      (SELECT coalesce(max(block) + 1, 0) * ${BLOCK_ROWS} FROM blocks d WHERE d.stream = t.stream)) newest))`;

/**
 * Cents of a stream `t` after a purge: its part of what may still be settled, as great as its part of all that was
 * accepted, since nobody knows who accepted what. No worker has counted less in its memory.
 */
const CENTS_LEFT = `(SELECT least(t.cents, 1 + floor(t.cents * coalesce(sum(amount_cents), 0) / (SELECT greatest(sum(cents), 1) FROM streams)))
    FROM payments WHERE ${IS_OPEN} AND state NOT IN (${CODE.rejected}, ${CODE.conflict}))`;

/** The first item of an answer's entries: which of the lists it is about; a gift is alone in its batch. */
export const LIST = { accepts: 0, moves: 1, settles: 2, gifts: 3 } as const;

function whereOf(kind: PlainMove): string {
  if (kind === "ask") return "true";
  const codes = [...targetsByCode(kind).keys()];
  const owned = TRANSITIONS[kind].owned ? " AND processor = given" : "";
  return `state IN (${codes.join(", ")})${owned}`;
}

function stateAfter(kind: PlainMove): string {
  return kind === "ask" ? "state" : expressionOf(targetsByCode(kind));
}

function caseOfMoves(of: (kind: PlainMove) => string): string {
  const cases = PLAIN_MOVES.map((kind) => `WHEN ${MOVE_NUMBER[kind]} THEN ${of(kind)}`);
  return `CASE kind ${cases.join("\n        ")} END`;
}

function ownerAfter(column: string, given: string): string {
  return caseOfMoves((kind) => {
    const after = OWNER_AFTER[kind];
    return after === "same" ? column : after === "given" ? given : "NULL";
  });
}

const settles = [...targetsByCode("settle").keys()].join(", ");
const { first, last } = ATTEMPTS_KEPT;

/** Owners of the shards, from 0 on. */
const OWNERS = "(SELECT jsonb_agg(worker ORDER BY shard) FROM shards)";
/** Gives a change of the map its version: `nextVersion` of worker/cluster/owners.ts. */
const NEXT_VERSION =
  "map_version = greatest(map_version + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)";

/**
 * Commits one batch, in which an id stands at most once. Answers `done` or `repeat` with the transitions
 * that are not simply done, as [list, which, what]; or `sealed` or `gap`, and has done nothing. It always
 * writes, so that every answer, also one about nothing but duplicates, waits for the standbys. `known`:
 * version of the map that the worker knows; where the database has another one, the batch is a gap if it is
 * about another worker's shard (`isAnothers` of worker/cluster/owners.ts). Rows of the ledger are numbered
 * here, since another worker's purge moves the base of every stream.
 */
const COMMIT = `(s smallint, w bigint, n bigint, known bigint,
  a_id uuid[], a_seq bigint[], a_shard smallint[], a_cents bigint[], a_at bigint[], a_processor int[], a_requested bigint[],
  a_reference text[], a_source text[], a_print int[], ended uuid[],
  m_id uuid[], m_kind int[], m_processor int[], m_requested bigint[], m_at bigint[], m_outcome text[], m_reason text[], m_code text[],
  l_id uuid[], l_processor int[], l_requested bigint[], l_cents bigint[], l_at bigint[],
  rare jsonb)
RETURNS TABLE (what text, answer jsonb) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  accepts int := cardinality(a_id); moves int := cardinality(m_id); settles int := cardinality(l_id);
  first bigint; hit int; hits bigint[]; said jsonb := '[]'; more jsonb; b bigint;
BEGIN
  -- Between two batches of everybody: one cut through all streams.
  IF rare->>'kind' = 'purge' THEN PERFORM FROM streams ORDER BY stream FOR UPDATE; END IF;
  UPDATE streams SET batch = n, rows = rows + settles, answer = NULL, cents = cents + (SELECT coalesce(sum(c), 0) FROM unnest(a_cents) c),
      seq = CASE WHEN accepts = 0 THEN seq ELSE greatest(seq, a_seq[accepts]) END
    WHERE stream = s AND worker = w AND batch = n - 1 AND (EXISTS (SELECT FROM meta WHERE map_version = known)
      OR NOT EXISTS (SELECT FROM shards h WHERE h.worker IS DISTINCT FROM w
        AND (h.shard = ANY (a_shard) OR h.shard IN (SELECT p.shard FROM payments p WHERE p.id = ANY (m_id || l_id)))))
    RETURNING rows - settles INTO first;
  IF NOT FOUND THEN
    UPDATE meta SET fences = fences + 1;
    RETURN QUERY SELECT CASE WHEN worker IS DISTINCT FROM w THEN 'sealed' WHEN batch = n THEN 'repeat' ELSE 'gap' END,
      coalesce(answer, '[]') FROM streams WHERE stream = s;
    RETURN;
  END IF;
  IF accepts > 0 THEN
    INSERT INTO payments (id, seq, amount_cents, accepted_at_ms, requested_at_ms, shard, state, processor, reference)
      SELECT id, seq, cents, at, requested, shard, CASE WHEN given IS NULL THEN ${CODE.accepted} ELSE ${CODE.assigned} END, given, its_reference
      FROM unnest(a_id, a_seq, a_shard, a_cents, a_at, a_processor, a_requested, a_reference) AS t(id, seq, shard, cents, at, given, requested, its_reference)
      ORDER BY id ON CONFLICT (id) DO NOTHING;
    GET DIAGNOSTICS hit = ROW_COUNT;
    IF a_source IS NOT NULL THEN
      INSERT INTO sources SELECT t.id, new_print, new_source
        FROM unnest(a_id, a_seq, a_print, a_source) AS t(id, seq, new_print, new_source) JOIN payments p ON p.id = t.id AND p.seq = t.seq
        WHERE new_source IS NOT NULL;
    END IF;
    IF hit < accepts THEN
      SELECT jsonb_agg(jsonb_build_array(${LIST.accepts}, nth, CASE WHEN p.amount_cents = cents
          AND p.reference IS NOT DISTINCT FROM its_reference AND o.print IS NOT DISTINCT FROM its_print
          AND (o.source IS NULL OR o.source = its_source) THEN 'duplicate' ELSE 'conflict' END))
        INTO more
        FROM unnest(a_id, a_seq, a_cents, a_reference, a_print, a_source) WITH ORDINALITY AS t(id, seq, cents, its_reference, its_print, its_source, nth)
        JOIN payments p USING (id) LEFT JOIN sources o USING (id) WHERE p.seq <> t.seq;
      said := said || more;
      UPDATE streams t SET cents = t.cents - (SELECT sum(a.cents) FROM unnest(a_id, a_seq, a_cents) AS a(id, seq, cents)
        JOIN payments p ON p.id = a.id WHERE p.seq <> a.seq) WHERE t.stream = s;
    END IF;
  END IF;
  IF moves > 0 THEN
    WITH moved AS (UPDATE payments SET
        state = ${caseOfMoves(stateAfter)},
        processor = ${ownerAfter("processor", "given")},
        requested_at_ms = ${ownerAfter("requested_at_ms", "given_ms")}
      FROM unnest(m_id, m_kind, m_processor, m_requested) WITH ORDINALITY AS m(of, kind, given, given_ms, nth)
      WHERE id = of AND ${caseOfMoves(whereOf)}
      RETURNING nth)
    SELECT array_agg(nth) INTO hits FROM moved;
    hits := coalesce(hits, '{}');
    IF cardinality(hits) < moves THEN
      SELECT jsonb_agg(jsonb_build_array(${LIST.moves}, nth, (SELECT state FROM payments WHERE id = of))) INTO more
        FROM unnest(m_id) WITH ORDINALITY AS m(of, nth) WHERE nth <> ALL (hits);
      said := said || more;
    END IF;
    IF cardinality(array_remove(m_outcome, NULL)) > 0 THEN
      INSERT INTO attempts (stream, id, at_ms, processor, outcome, reason, code)
        SELECT s, id, at, processor, outcome, reason, its_code
        FROM unnest(m_id, m_at, m_processor, m_outcome, m_reason, m_code) WITH ORDINALITY AS m(id, at, processor, outcome, reason, its_code, nth)
        WHERE outcome IS NOT NULL AND nth = ANY (hits);
      -- The first few and the last few are kept, and how many there were in between.
      WITH numbered AS (SELECT id, nth, row_number() OVER (PARTITION BY id ORDER BY nth) AS i, count(*) OVER (PARTITION BY id) AS all_of
          FROM attempts WHERE id = ANY (m_id)),
        gone AS (DELETE FROM attempts a USING numbered t WHERE a.id = t.id AND a.nth = t.nth AND i > ${first} AND i <= all_of - ${last} RETURNING a.id)
      INSERT INTO attempts_left_out AS o SELECT id, count(*) FROM gone GROUP BY id
        ON CONFLICT (id) DO UPDATE SET count = o.count + excluded.count;
    END IF;
  END IF;
  IF settles > 0 THEN
    WITH done AS (UPDATE payments SET state = ${CODE.settled}, settled = true, settled_at_ms = at
        FROM unnest(l_id, l_processor, l_requested, l_cents, l_at) WITH ORDINALITY AS l(of, given, requested, cents, at, nth)
        WHERE id = of AND state IN (${settles}) AND processor = given
        RETURNING requested, cents, of, given, nth),
      written AS (INSERT INTO ledger (stream, row, requested_at_ms, amount_cents, id, processor)
        SELECT s, first - 1 + row_number() OVER (ORDER BY nth), requested, cents, of, given FROM done)
    SELECT count(*), array_agg(nth) INTO hit, hits FROM done;
    IF hit < settles THEN
      UPDATE streams SET rows = first + hit WHERE stream = s;
      SELECT jsonb_agg(jsonb_build_array(${LIST.settles}, nth, (SELECT state FROM payments WHERE id = of))) INTO more
        FROM unnest(l_id) WITH ORDINALITY AS l(of, nth) WHERE nth <> ALL (coalesce(hits, '{}'));
      said := said || more;
    END IF;
    FOR b IN SELECT generate_series(first / ${BLOCK_ROWS}, (first + hit) / ${BLOCK_ROWS} - 1) LOOP
      INSERT INTO blocks SELECT s, b, processor, min(requested_at_ms), max(requested_at_ms), count(*), sum(amount_cents)
        FROM ledger WHERE stream = s AND row >= b * ${BLOCK_ROWS} AND row < (b + 1) * ${BLOCK_ROWS} GROUP BY processor;
    END LOOP;
  END IF;
  IF ended IS NOT NULL THEN
    UPDATE sources SET source = NULL FROM payments p
      WHERE sources.id = ANY (ended) AND p.id = sources.id AND p.state IN (${CODE.settled}, ${CODE.rejected}, ${CODE.conflict});
  END IF;
  IF rare IS NOT NULL THEN
    CASE rare->>'kind'
      WHEN 'mode' THEN
        UPDATE processors SET mode = rare->>'mode' WHERE number = (rare->>'processor')::int;
        UPDATE meta SET modes_version = modes_version + 1;
      WHEN 'addresses' THEN
        UPDATE processors SET url = u.url FROM jsonb_to_recordset(rare->'urls') AS u(processor int, url text) WHERE number = u.processor;
      WHEN 'tariffs' THEN
        INSERT INTO tariffs SELECT number, processor, "fromMs", terms
          FROM jsonb_to_recordset(rare->'begun') AS t(number int, processor int, "fromMs" bigint, terms text) ON CONFLICT DO NOTHING;
      WHEN 'webhooks' THEN
        INSERT INTO webhooks (cursor, target, ended_at_ms)
          SELECT c->>'cursor', c->>'target', (c->>'endedAtMs')::bigint FROM (SELECT rare->'changes') t(c)
          ON CONFLICT (one) DO UPDATE SET cursor = excluded.cursor, target = excluded.target, ended_at_ms = excluded.ended_at_ms;
        DELETE FROM deliveries WHERE id IN (SELECT jsonb_array_elements_text(rare->'changes'->'drop'))
          OR (deliveries.state = 'given up' AND ended_at_ms >= (rare->'changes'->>'dropGivenUpFromMs')::bigint);
        INSERT INTO deliveries
          SELECT id, "correlationId", type, "endedAtMs", body, d.state, tries, "firstAtMs", "nextAtMs", reason
          FROM jsonb_to_recordset(rare->'changes'->'put') AS d(id text, "correlationId" uuid, type text, "endedAtMs" bigint, body text,
            state text, tries int, "firstAtMs" bigint, "nextAtMs" bigint, reason text)
          ON CONFLICT (id) DO UPDATE SET body = excluded.body, state = excluded.state, tries = excluded.tries,
            next_at_ms = excluded.next_at_ms, reason = excluded.reason;
      WHEN 'give' THEN
        -- One change of the map at a time: nobody is sealed meanwhile.
        PERFORM FROM meta FOR UPDATE;
        IF EXISTS (SELECT FROM streams WHERE worker = (rare->>'to')::bigint) AND NOT EXISTS
            (SELECT FROM shards WHERE shard IN (SELECT value::int FROM jsonb_array_elements(rare->'shards')) AND worker IS DISTINCT FROM w) THEN
          UPDATE shards SET worker = (rare->>'to')::bigint, given = true WHERE shard IN (SELECT value::int FROM jsonb_array_elements(rare->'shards'));
          UPDATE meta SET ${NEXT_VERSION} RETURNING map_version INTO b;
        END IF;
        said := jsonb_build_array(jsonb_build_array(${LIST.gifts}, 1, b));
      WHEN 'trust' THEN UPDATE meta SET restored_at_ms = NULL;
      WHEN 'purge' THEN
        UPDATE meta SET requested_up_to_ms = ${NEWEST};
        -- Rows below the base do not exist any more; they are deleted later, in pieces. A worker may count
        -- further than its stream, or less far when others have purged: numbers never go back.
        UPDATE streams t SET rows = b.row, base = b.row, cents = ${CENTS_LEFT}
          FROM (SELECT stream, greatest((rows + ${BLOCK_ROWS - 1}) / ${BLOCK_ROWS} * ${BLOCK_ROWS},
            CASE WHEN stream = s THEN (rare->>'baseRow')::bigint END) AS row FROM streams) b WHERE b.stream = t.stream;
        UPDATE meta SET purges = purges + 1, purged_at_ms = (rare->>'atMs')::bigint, pruned_before_ms = NULL;
      ELSE NULL;
    END CASE;
    INSERT INTO interventions (id, processor, at_ms, who, action, why, evidence)
      SELECT CASE list WHEN ${LIST.moves} THEN m_id[i.nth] WHEN ${LIST.settles} THEN l_id[i.nth] END, i.processor, at_ms, who, action, why, evidence
      FROM jsonb_to_recordset(rare->'said') AS i(list int, nth int, processor int, at_ms bigint, who text, action text, why text, evidence text)
      WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(said) r WHERE (r->>0)::int = list AND (r->>1)::int = i.nth);
  END IF;
  IF said <> '[]' THEN UPDATE streams SET answer = said WHERE stream = s; END IF;
  RETURN QUERY SELECT 'done', said;
END $$`;

/**
 * Gives a start, which has a row among the workers, a stream that nobody has, the first with room for many more
 * cents or else the one with most, and the shards that nobody has. Answers the stream, or null; asked again,
 * the same.
 */
const JOIN = `(me bigint)
RETURNS TABLE (stream int) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE mine smallint;
BEGIN
  PERFORM FROM workers WHERE worker = me AND sealed_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  -- Two that join at once take two streams, or find each other.
  PERFORM FROM streams WHERE worker IS NULL ORDER BY stream FOR UPDATE;
  SELECT stream INTO mine FROM streams WHERE worker = me;
  IF mine IS NULL THEN
    UPDATE streams SET worker = me, batch = 0, answer = NULL
      WHERE stream = (SELECT stream FROM streams WHERE worker IS NULL
        ORDER BY CASE WHEN cents > ${STREAM_CENTS_MAX / 2} THEN cents ELSE 0 END, stream LIMIT 1) RETURNING stream INTO mine;
    IF mine IS NULL THEN RETURN; END IF;
    PERFORM FROM meta FOR UPDATE;
    UPDATE shards SET worker = me, given = false WHERE worker IS NULL;
    IF FOUND THEN UPDATE meta SET ${NEXT_VERSION}; END IF;
  END IF;
  stream := mine;
  RETURN NEXT;
END $$`;

/**
 * Renews the lease. Answers whether it is still there, the database's time, the map's version, and the map
 * when that is another than `known`, with the shards that this worker was given by their owners; and the others who have a stream, with what is left of their leases;
 * who does what one does for all; what operators have decided: the processors' modes and
 * addresses, and whether the journal is trusted; the number of tariffs, and of rows of the ledger; and what others have heard of processors'
 * health in the last seconds, to which it adds what this one has.
 */
const BEAT = `(me bigint, known bigint, heard jsonb)
RETURNS TABLE (alive boolean, now_ms float8, version float8, owners jsonb, given jsonb, others jsonb, leader float8, modes jsonb, urls jsonb, is_trusted boolean, tariffs int, rows float8, health jsonb) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  UPDATE workers SET alive_until = clock_timestamp() + interval '${LEASE_MS} ms' WHERE worker = me AND sealed_at IS NULL;
  alive := FOUND;
  now_ms := extract(epoch FROM clock_timestamp()) * 1000;
  -- One statement: the version is that of these owners.
  SELECT map_version, CASE WHEN map_version <> known THEN ${OWNERS} END,
    CASE WHEN map_version <> known THEN (SELECT jsonb_agg(shard) FROM shards h WHERE h.worker = me AND h.given) END,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('worker', w.worker, 'name', w.name, 'link', w.link, 'http', w.http,
        'leftMs', extract(epoch FROM w.alive_until - clock_timestamp()) * 1000) ORDER BY w.worker), '[]')
      FROM workers w JOIN streams t ON t.worker = w.worker WHERE w.worker <> me),
    restored_at_ms IS NULL
    INTO version, owners, given, others, is_trusted FROM meta;
  INSERT INTO roles (role, worker, until) SELECT 'lead', me, clock_timestamp() + interval '${LEASE_MS} ms'
      WHERE EXISTS (SELECT FROM streams WHERE worker = me)
    ON CONFLICT (role) DO UPDATE SET worker = me, until = excluded.until WHERE roles.worker = me OR roles.until < clock_timestamp();
  leader := (SELECT worker FROM roles WHERE role = 'lead');
  SELECT coalesce(jsonb_agg(mode ORDER BY number), '[]'), coalesce(jsonb_agg(url ORDER BY number), '[]') INTO modes, urls FROM processors;
  tariffs := (SELECT count(*) FROM tariffs);
  rows := (SELECT sum(t.rows - base) FROM streams t);
  UPDATE processors SET failing = h.failing, min_response_ms = h.ms, probed_at = clock_timestamp(), probe_by = me
    FROM jsonb_to_recordset(heard) AS h(processor int, failing boolean, ms int) WHERE number = h.processor AND alive;
  health := (SELECT coalesce(jsonb_agg(jsonb_build_object('processor', number, 'atMs', extract(epoch FROM probed_at) * 1000,
      'failing', failing, 'minResponseTimeMs', min_response_ms)), '[]')
    FROM processors WHERE probe_by <> me AND probed_at > clock_timestamp() - interval '${LEASE_MS} ms');
  RETURN NEXT;
END $$`;

/**
 * Seals a worker whose lease is over, which waits for the batch that it is committing, frees its stream, and
 * hands its shards on; with no worker that is dead it hands on what nobody has. `owners` is the whole map as
 * worker/cluster/owners.ts makes it of the one with this version. Answers whether it has been done by this.
 */
const TAKE_OVER = `(me bigint, dead bigint, version bigint, owners bigint[])
RETURNS TABLE (taken boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM workers WHERE worker IN (me, dead) ORDER BY worker FOR UPDATE;
  PERFORM FROM streams WHERE worker = dead ORDER BY stream FOR UPDATE;
  PERFORM FROM meta FOR UPDATE;
  taken := EXISTS (SELECT FROM workers WHERE worker = me AND sealed_at IS NULL)
    AND (dead IS NULL OR EXISTS (SELECT FROM workers WHERE worker = dead AND sealed_at IS NULL AND alive_until < clock_timestamp()))
    AND EXISTS (SELECT FROM meta WHERE map_version = version)
    -- Others keep what they have, and nobody gets anything who has ended meanwhile.
    AND NOT EXISTS (SELECT FROM shards s JOIN unnest(owners) WITH ORDINALITY AS o(worker, nth) ON nth = shard + 1
      WHERE s.worker IS DISTINCT FROM o.worker AND (s.worker IS DISTINCT FROM dead AND s.worker IS NOT NULL
        OR o.worker IS NOT NULL AND NOT EXISTS (SELECT FROM streams t WHERE t.worker = o.worker AND t.worker IS DISTINCT FROM dead)));
  IF taken THEN
    UPDATE workers SET sealed_at = clock_timestamp(), sealed_by = me WHERE worker = dead;
    UPDATE streams SET worker = NULL WHERE worker = dead;
    UPDATE shards s SET worker = o.worker, given = false FROM unnest(owners) WITH ORDINALITY AS o(worker, nth)
      WHERE nth = shard + 1 AND s.worker IS DISTINCT FROM o.worker;
    IF FOUND THEN UPDATE meta SET ${NEXT_VERSION}; END IF;
  END IF;
  RETURN NEXT;
END $$`;

/** Gives everything back at a clean end. */
const LEAVE = `(me bigint, why text)
RETURNS TABLE (left_it boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM workers WHERE worker = me FOR UPDATE;
  UPDATE streams SET worker = NULL WHERE worker = me;
  PERFORM FROM meta FOR UPDATE;
  UPDATE shards SET worker = NULL, given = false WHERE worker = me;
  IF FOUND THEN UPDATE meta SET ${NEXT_VERSION}; END IF;
  DELETE FROM roles WHERE worker = me;
  UPDATE workers SET alive_until = clock_timestamp(), sealed_at = coalesce(sealed_at, clock_timestamp()),
    ended_at = clock_timestamp(), ended_why = why WHERE worker = me;
  left_it := FOUND;
  RETURN NEXT;
END $$`;

/** Notes the start of a worker that has the stream, and gives the journal's state. */
const BEGIN = `(s smallint, w bigint, names text[], now_s bigint)
RETURNS TABLE (epoch float8, next_seq float8, restored_at_ms float8, pruned_before_ms float8, moved_at_ms float8, base_row float8, next_row float8, cents float8, processors text[], modes text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM streams WHERE stream = s AND worker = w FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'the stream is another worker''s' USING ERRCODE = '${BROKEN}'; END IF;
  UPDATE meta SET epoch = greatest(epoch + 1, now_s);
  INSERT INTO processors (number, name)
    SELECT (SELECT count(*) FROM processors) + row_number() OVER (ORDER BY nth) - 1, name
    FROM unnest(names) WITH ORDINALITY AS t(name, nth) WHERE NOT EXISTS (SELECT FROM processors p WHERE p.name = t.name);
  -- The numbers of rows begin anew once half of them are used and none is left.
  UPDATE streams SET rows = 0, base = 0 WHERE stream = s AND base >= ${LEDGER_ROWS_MAX / 2} AND rows = base
    AND NOT EXISTS (SELECT FROM ledger WHERE stream = s) AND NOT EXISTS (SELECT FROM blocks WHERE stream = s);
  RETURN QUERY SELECT m.epoch::float8, (SELECT max(seq) + 1 FROM streams)::float8, m.restored_at_ms::float8, m.pruned_before_ms::float8, m.moved_at_ms::float8, t.base::float8, t.rows::float8, t.cents::float8,
    (SELECT array_agg(name ORDER BY number) FROM processors), (SELECT array_agg(mode ORDER BY number) FROM processors)
    FROM meta m, streams t WHERE t.stream = s;
END $$`;

/** Deletes some rows below the base of a stream; answers how many. */
const SWEEP = `(s smallint, at_once int)
RETURNS TABLE (gone bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE below bigint;
BEGIN
  SELECT base INTO below FROM streams WHERE stream = s;
  DELETE FROM blocks WHERE stream = s AND (block, processor) IN
    (SELECT block, processor FROM blocks WHERE stream = s AND block < below / ${BLOCK_ROWS} LIMIT at_once);
  GET DIAGNOSTICS gone = ROW_COUNT;
  WITH below_it AS (DELETE FROM ledger WHERE stream = s AND row < below AND row <
      (SELECT min(row) + at_once FROM ledger WHERE stream = s) RETURNING 1)
    SELECT gone + count(*) INTO gone FROM below_it;
  RETURN NEXT;
END $$`;

const TEXTS = {
  commit: COMMIT,
  join: JOIN,
  beat: BEAT,
  take_over: TAKE_OVER,
  leave: LEAVE,
  begin: BEGIN,
  sweep: SWEEP,
} as const;
type FunctionName = keyof typeof TEXTS;

const HASH = new Bun.CryptoHasher("sha256").update(JSON.stringify(TEXTS)).digest("hex").slice(0, 8);

/** The name under which this version's function stands in the database. */
function nameOf(name: FunctionName): string {
  return `leguas_${name}_${HASH}`;
}

/** Makes a question that calls a function with so many values. */
export function callOf(name: FunctionName): string {
  const parameters = /^\(([^)]*)\)/.exec(TEXTS[name])?.[1]?.split(",") ?? [];
  const values = parameters.map((parameter, i) => `$${i + 1}::${parameter.trim().split(" ")[1]}`);
  return `SELECT * FROM ${nameOf(name)}(${values.join(", ")})`;
}

/** Statements that make the functions, by the names under which they are found when they are there. */
export const FUNCTIONS: readonly { readonly name: string; readonly sql: string }[] = (
  Object.keys(TEXTS) as FunctionName[]
).map((name) => ({
  name: nameOf(name),
  sql: `CREATE FUNCTION ${nameOf(name)} ${TEXTS[name]}`,
}));
