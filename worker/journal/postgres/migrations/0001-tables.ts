/**
 * The tables of a journal on PostgreSQL, made for many workers though one is active at a time today.
 * Rows of the ledger, attempts and interventions know their payment by its id, since an id belongs for
 * ever to the same shard. A fill factor leaves room beside rows that change, so that their new versions
 * stay on the same page.
 *
 *   workers    one row a start; its number, by the clock (lease.ts), is the fencing epoch
 *   streams    64 orders of commits, each with its one owner: batch is the fence, rows numbers the ledger,
 *              seq is the highest number of a payment, answer what the last batch was told
 *   shards     256 parts of all payments, by their ids, each with its one owner
 */
import type { PostgresMigration } from "./migration.ts";

export const tables: PostgresMigration = {
  name: "0001-tables",
  what: "every table is there",
  sql: `
CREATE TABLE meta (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  journal text NOT NULL DEFAULT 'papa-leguas',
  schema int NOT NULL,
  epoch bigint NOT NULL DEFAULT 0,
  fences bigint NOT NULL DEFAULT 0,
  purges bigint NOT NULL DEFAULT 0,
  purged_at_ms bigint,
  restored_at_ms bigint,
  requested_up_to_ms bigint,
  modes_version bigint NOT NULL DEFAULT 0);
INSERT INTO meta (schema) VALUES (0);

CREATE TABLE workers (
  worker bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  link text NOT NULL,
  http text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  alive_until timestamptz NOT NULL,
  modes_version bigint NOT NULL DEFAULT 0,
  sealed_at timestamptz,
  sealed_by bigint,
  ended_at timestamptz,
  ended_why text) WITH (fillfactor = 20);
CREATE INDEX living_workers ON workers (alive_until) WHERE sealed_at IS NULL;
CREATE INDEX zombies ON workers (worker) WHERE sealed_at IS NOT NULL AND ended_at IS NULL;

CREATE TABLE streams (
  stream smallint PRIMARY KEY,
  worker bigint REFERENCES workers,
  batch bigint NOT NULL DEFAULT 0,
  rows bigint NOT NULL DEFAULT 0,
  base bigint NOT NULL DEFAULT 0,
  seq bigint NOT NULL DEFAULT 0,
  answer jsonb)
  WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO streams SELECT i FROM generate_series(0, 63) i;

CREATE TABLE shards (
  shard smallint PRIMARY KEY,
  worker bigint REFERENCES workers,
  version bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO shards SELECT i FROM generate_series(0, 255) i;

CREATE TABLE processors (
  number int PRIMARY KEY,
  name text NOT NULL UNIQUE,
  url text,
  mode text NOT NULL DEFAULT 'auto' CHECK (mode IN ('auto', 'drained', 'forced')),
  probe_due_at timestamptz NOT NULL DEFAULT '-infinity',
  probe_by bigint,
  probed_at timestamptz,
  failing boolean,
  min_response_ms int) WITH (fillfactor = 50);

CREATE TABLE tariffs (
  number int PRIMARY KEY,
  processor int NOT NULL REFERENCES processors,
  from_ms bigint NOT NULL,
  terms text);

CREATE TABLE payments (
  id uuid PRIMARY KEY,
  seq bigint NOT NULL,
  amount_cents bigint NOT NULL CHECK (amount_cents > 0),
  accepted_at_ms bigint NOT NULL,
  requested_at_ms bigint,
  settled_at_ms bigint,
  shard smallint NOT NULL,
  state smallint NOT NULL,
  processor int,
  CHECK ((processor IS NULL) = (requested_at_ms IS NULL))) WITH (fillfactor = 75);
CREATE INDEX open_payments ON payments (shard) WHERE state <> 4;
CREATE INDEX payments_by_seq ON payments USING brin (seq) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE ledger (
  stream smallint NOT NULL,
  row bigint NOT NULL,
  requested_at_ms bigint NOT NULL,
  amount_cents bigint NOT NULL,
  id uuid NOT NULL,
  processor int NOT NULL,
  PRIMARY KEY (stream, row));

CREATE TABLE blocks (
  stream smallint NOT NULL,
  block bigint NOT NULL,
  processor int NOT NULL,
  min_ms bigint NOT NULL,
  max_ms bigint NOT NULL,
  count int NOT NULL,
  cents bigint NOT NULL,
  PRIMARY KEY (stream, block, processor));

CREATE TABLE attempts (
  id uuid NOT NULL,
  nth bigint GENERATED ALWAYS AS IDENTITY,
  at_ms bigint NOT NULL,
  processor int NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (id, nth));

CREATE TABLE attempts_left_out (id uuid PRIMARY KEY, count bigint NOT NULL);

CREATE TABLE interventions (
  nth bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid,
  processor int,
  at_ms bigint NOT NULL,
  who text NOT NULL,
  action text NOT NULL,
  why text NOT NULL,
  evidence text);
CREATE INDEX interventions_of_payment ON interventions (id);

CREATE TABLE roles (
  role text PRIMARY KEY,
  worker bigint NOT NULL REFERENCES workers,
  until timestamptz NOT NULL);
`,
};
