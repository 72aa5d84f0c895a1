import { hostname } from "node:os";
import { describe, expect, test } from "bun:test";
import { shareOf } from "../shared/tariff.ts";
import { refuseDatabase, shownJournal } from "./journal-url.ts";
import { readWithProcessors, withoutSecrets, workerSettings } from "./settings.ts";

const ONE = "default=http://127.0.0.1:8001;fee=0.05";

function read(env: Record<string, string>) {
  const result = readWithProcessors(workerSettings, { PROCESSORS: ONE, ...env });
  return result.ok ? result.settings : result.reason;
}

/** Reads the processors; null when they are refused. */
function parseProcessors(list: string) {
  const result = read({ PROCESSORS: list });
  return typeof result === "string" ? null : result.PROCESSORS;
}

test("without anything but processors the worker has the documented defaults", () => {
  expect(read({})).toEqual({
    LINK_HOST: "127.0.0.1",
    LINK_PORT: 9996,
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: 9995,
    PROCESSORS: [
      { name: "default", kind: "rinha", url: "http://127.0.0.1:8001", fee: shareOf(0.05) },
    ],
    JOURNAL: "./data/payments.db",
    JOURNAL_SYNC: "full",
    CLUSTER_ALLOW_SINGLE: false,
    WORKER_NAME: hostname(),
    WORKER_ADDRESS: "",
    PATIENCE_MS: 15_000,
    LEDGER_SLOTS: 1_048_576,
    BACKLOG_MAX: 1_000_000,
    PROCESSOR_TIMEOUT_MS: 30_000,
    PURGE_ENABLED: false,
    ADMIN_TOKEN: null,
    WEBHOOK_URL: null,
    WEBHOOK_SECRET: null,
    WEBHOOK_ALLOW_PRIVATE: false,
    LINK_SECRET: null,
    LOG_LEVEL: "info",
  });
});

describe("processors", () => {
  test("are read in any number, in the order given", () => {
    expect(parseProcessors("a=http://a/;fee=0")).toEqual([
      { name: "a", kind: "rinha", url: "http://a", fee: shareOf(0) },
    ]);
    const three = " a=http://a;fee=1, b-2=https://b:8080/x;fee=0.005 ,c=http://c;fee=0.5";
    expect(parseProcessors(three)?.map(({ name, fee }) => [name, fee])).toEqual([
      ["a", shareOf(1)],
      ["b-2", shareOf(0.005)],
      ["c", shareOf(0.5)],
    ]);
  });

  test("may have a token for the audit, which is not shown when a setting is bad", () => {
    const list = "a=http://a;fee=0.5;audit-token=x=y/z,b=http://b;fee=0.5";
    expect(parseProcessors(list)).toEqual([
      { name: "a", kind: "rinha", url: "http://a", fee: shareOf(0.5), auditToken: "x=y/z" },
      { name: "b", kind: "rinha", url: "http://b", fee: shareOf(0.5) },
    ]);
    expect(withoutSecrets(parseProcessors(list)![0]!)).toEqual({
      name: "a",
      kind: "rinha",
      url: "http://a",
      fee: "50 %",
    });
    for (const bad of ["a=http://a;fee=2;audit-token=hush", "a=http://a;fee=0.5;Token=hush"]) {
      expect(read({ PROCESSORS: bad })).not.toContain("hush");
    }
  });

  test.each([
    " ",
    ",",
    "a=http://a;fee=0.5;audit-token=",
    "a=http://a;fee=0.5;audit-token=a b",
    "a=http://a;audit-token=a;fee=0.5",
    "a",
    "a=http://a",
    "a=http://a;fee=",
    "a=http://a;fee=2",
    "a=http://a;fee=1.5",
    "a=http://a;fee=-0.1",
    "a=http://a;fee=5%",
    "a=http://a;fee=.5",
    "a=http://a;fee=0.0512345",
    "a=ftp://a;fee=0.5",
    "a=http://user:secret@a;fee=0.5",
    "A=http://a;fee=0.5",
    "1a=http://a;fee=0.5",
    `${"a".repeat(33)}=http://a;fee=0.5`,
    'a"=http://a;fee=0.5',
    "=http://a;fee=0.5",
    "a=http://a;fee=0.5,",
    "a=http://a;fee=0.5,a=http://b;fee=0.5",
    "a=http://a;fee=0.5;b=http://b;fee=0.5",
  ])("%p are refused", (list) => {
    expect(parseProcessors(list)).toBeNull();
    expect(read({ PROCESSORS: list })).toStartWith("PROCESSORS: ");
  });

  test("are at most 200", () => {
    const list = (count: number) =>
      Array.from({ length: count }, (_, i) => `p${i}=http://p${i};fee=0.5`).join(",");
    expect(read({ PROCESSORS: list(200) })).toBeObject();
    expect(read({ PROCESSORS: list(201) })).toEndWith(": more than 200 processors");
  });

  test.each(["http://p:80/x", "HTTP://P/x/", "http://p/y/../x"])(
    "two names for one address are refused, also when it is written as %p",
    (url) => {
      const PROCESSORS = `a=http://p/x;fee=0.5,b=${url};fee=0.6`;
      expect(read({ PROCESSORS })).toEndWith(": processor 2 has the address of another");
    },
  );
});

test.each([
  ["", "none is given"],
  [" ", "none is given, and payments go nowhere else"],
  ["a=http://a;fee=0.5,", "processor 2 is empty"],
  ["a=http://a;fee=0.5,=http://a;fee=0.5", "processor 2 has no name"],
  ["a", "processor 1 has no = between its name and its address"],
  ["http://a;fee=0.5", "processor 1 begins with its address"],
  ["http://a/?b=c;fee=0.5", "processor 1 begins with its address"],
  ["A=http://a;fee=0.5", "processor 1 has a capital letter in its name"],
  ["a b=http://a;fee=0.5", "processor 1 has white space in its name"],
  ["a_b=http://a;fee=0.5", "processor 1 has a name with something else than a to z"],
  ["1a=http://a;fee=0.5", "processor 1 has a name that does not begin with a letter"],
  [`${"a".repeat(33)}=http://a;fee=0.5`, "processor 1 has a name of more than 32 characters"],
  ["a=;fee=0.5", "processor 1 has no address after its ="],
  ["a=ftp://a;fee=0.5", "processor 1 has an address that does not begin with http://"],
  ["a=127.0.0.1:8001;fee=0.5", "processor 1 has an address that does not begin with http://"],
  ["a=localhost:8001;fee=0.5", "processor 1 has an address that does not begin with http://"],
  ["a= http://a;fee=0.5", "processor 1 has white space in its address"],
  ["a=http://;fee=0.5", "processor 1 has no host in its address"],
  ["a=http://user:secret@a;fee=0.5", "processor 1 has a user in its address"],
  ["a=http://a/#b;fee=0.5", "processor 1 has a fragment (#) in its address"],
  ["a=http://a?b=c;fee=0.5", "processor 1 has a query (?) in its address"],
  [
    "a=http://a:99999;fee=0.5",
    "processor 1 has a port in its address that is no number up to 65535",
  ],
  ["a=http://[::1]:x/;fee=0.5", "processor 1 has a port in its address that is no number"],
  ["a=http://[::1;fee=0.5", "processor 1 has a host in its address that is neither"],
  ["a=http://a", "processor 1 has no ;fee="],
  ["a=http://a;audit-token=t;fee=0.5", "processor 1 has its audit-token before its fee"],
  ["a=http://a;b=http://b;fee=0.5", "processor 1 has a ; before the next processor"],
  ["a=http://a;Fee=0.5", "processor 1 has something else than ;fee= after its address"],
  ["a=http://a;fee=", "processor 1 has nothing after its fee="],
  ["a=http://a;fee=5%", "processor 1 has a fee that is no decimal from 0 to 1: 5 % is 0.05"],
  ["a=http://a;fee=5", "processor 1 has a fee above 1: 0.05 is 5 %"],
  ["a=http://a;fee=-0.1", "processor 1 has a fee below 0"],
  ["a=http://a;fee=.05", "processor 1 has a fee without a digit before its point"],
  ["a=http://a;fee=0.1234567", "processor 1 has a fee with more than six decimals"],
  ["a=http://a;fee=low", "processor 1 has a fee that is no decimal from 0 to 1: 0.05 is 5 %"],
  ["a=http://a;fee=0,05", "processor 1 has a fee with a decimal comma"],
  ["a=http://a;fee=0,05,b=http://b;fee=0,15", "processor 1 has a fee with a decimal comma"],
  ["a=http://a;fee=0.5,b=http://b;fee=0,15;audit-token=t", "processor 2 has a fee with a decimal"],
  [
    "a=http://a;fee=0.5 b=http://b;fee=0.5",
    "processor 1 has white space in its fee; processors are",
  ],
  ["a=http://a;fee=0.5;b=http://b;fee=0.5", "processor 1 has a ; before the next processor"],
  ["a=http://a;fee=0.5;", "processor 1 ends with a ;"],
  ["a=http://a;fee=0.5;fee=0.5", "processor 1 has two fees"],
  ["a=http://a;fee=0.5;token=x", "processor 1 has something else than ;audit-token="],
  ["a=http://a;fee=0.5;audit-token=", "processor 1 has an audit-token that is empty"],
  ["a=http://a;fee=0.5;audit-token=a b", "processor 1 has white space in its audit-token"],
  ["a=http://a;fee=0.5;audit-token=é", "processor 1 has an audit-token with a character that no"],
  ["a=http://a;fee=0.5;audit-token=a,b", "processor 1 has a comma in its audit-token"],
  ["a=http://a;fee=0.5;audit-token=a,b=c,d=http://d;fee=0.5", "processor 1 has a comma in its"],
  ["a=http://a;fee=0.5;audit-token=a;b", "processor 1 has a ; in or after its audit-token"],
  ["a=http://a;fee=0.5;audit-token=a;audit-token=b", "processor 1 has two audit-tokens"],
  ["a=http://a;fee=0.5;audit-token=a;b=http://b;fee=0.5", "processor 1 has a ; before the next"],
  ["a=http://a;fee=0.5;audit-token=t,B=http://b;fee=0.5", "processor 2 has a capital letter"],
  ["a=http://a;fee=0.5;audit-token=t,", "processor 2 is empty"],
  ["a=http://a;fee=0.5,a=http://b;fee=0.5", "processor 2 has the name of another"],
])("what is wrong with the processors %p is said", (list, sentence) => {
  expect(read({ PROCESSORS: list })).toStartWith(`PROCESSORS: ${sentence}`);
});

test("white space at the end of a secret comes from its file, and is left out", () => {
  expect(read({ ADMIN_TOKEN: "tok\n", LINK_SECRET: "a secret \r\n" })).toMatchObject({
    ADMIN_TOKEN: ["tok"],
    LINK_SECRET: ["a secret"],
  });
});

test.each(["ADMIN_TOKEN", "LINK_SECRET"])("%s may be two while it is rotated", (name) => {
  expect(read({ [name]: "the new, the old\n" })).toMatchObject({ [name]: ["the new", "the old"] });
});

test.each([
  ["ADMIN_TOKEN", "sécret"],
  ["ADMIN_TOKEN", " tok"],
  ["ADMIN_TOKEN", "to\nk"],
  ["ADMIN_TOKEN", "\n"],
  ["ADMIN_TOKEN", "new,sécret"],
  ["LINK_SECRET", " \n"],
])("%s=%j is refused, and not shown", (name, value) => {
  expect(read({ [name]: value })).toStartWith(`${name}: the value given is not a text`);
});

describe.each(["ADMIN_TOKEN", "LINK_SECRET"])("each mistake in the parts of %s is said", (name) => {
  test.each([
    [",hush", "NEW,OLD: there is nothing on one side of its comma"],
    ["hush,", "NEW,OLD: there is nothing on one side of its comma"],
    [",", "NEW,OLD: there is nothing on one side of its comma"],
    ["hush,hush", "NEW,OLD: both sides of its comma are the same"],
    ["hush, hush\n", "NEW,OLD: both sides of its comma are the same"],
    ["hush,b,c", "one secret, or NEW,OLD: it has more than one comma"],
    ["hush,,", "one secret, or NEW,OLD: it has more than one comma"],
  ])("%j", (value, form) => {
    expect(read({ [name]: value })).toBe(`${name}: the value given is not ${form}`);
  });
});

test.each([
  ["JOURNAL", "sqlite::memory:", "sqlite:PATH"],
  ["JOURNAL", "sqlite:file:a.db?mode=ro", "sqlite:PATH"],
  ["JOURNAL", "sqlite://host/a.db", "sqlite:PATH"],
  ["JOURNAL", "sqlite:data/", "sqlite:PATH"],
  ["JOURNAL", "postgres://host", "sqlite:PATH"],
  ["JOURNAL", "postgresql:///db", "sqlite:PATH"],
  ["CLUSTER_ALLOW_SINGLE", "yes", "true or false"],
  ["WORKER_NAME", "a b", "up to 64 letters, digits"],
  ["WORKER_ADDRESS", "a:b c", "a name or an address"],
  ["HTTP_HOST", "not a host", "a name or an address"],
  ["LINK_HOST", "a/b", "a name or an address"],
  ["JOURNAL", "sqlite:", "sqlite:PATH"],
  ["JOURNAL", "data/payments.db", "sqlite:PATH"],
  ["JOURNAL_SYNC", "FULL", "one of full, normal, off"],
  ["LEDGER_SLOTS", "2048", "a whole number from 4096"],
  ["LEDGER_SLOTS", "4097", "a power of two"],
  ["LEDGER_SLOTS", "536870912", "a whole number from 4096"],
  ["BACKLOG_MAX", "0", "a whole number from 1"],
  ["BACKLOG_MAX", "20000001", "a whole number from 1"],
  ["PROCESSOR_TIMEOUT_MS", "99", "a whole number from 100"],
  ["PATIENCE_MS", "3600001", "a whole number from 0"],
])("%s=%s is refused", (name, value, form) => {
  expect(read({ [name]: value })).toStartWith(`${name}: "${value}" is not ${form}`);
});

test("a journal may be a database, whose password is never said", () => {
  const url = "postgres://ana:hush@db.example:5433/payments?sslmode=require";
  expect(read({ JOURNAL: url })).toMatchObject({ JOURNAL: url });
  expect(shownJournal(url)).toBe("postgres://ana@db.example:5433/payments");
  expect(shownJournal("./data/payments.db")).toBe("./data/payments.db");
  for (const bad of [
    "postgres://ana:hush@db.example",
    "postgres://ana:hush",
    "postgres://a:hush@/x",
  ]) {
    expect(read({ JOURNAL: bad })).toBe(
      "JOURNAL: the value given is not sqlite:PATH, the path of a file, or postgres://USER:PASSWORD@HOST/DATABASE",
    );
  }
  expect(() => refuseDatabase(url, "worker backup")).toThrow(
    "journal postgres://ana@db.example:5433/payments: worker backup is for a journal in a file",
  );
  expect(() => refuseDatabase("./data/payments.db", "worker backup")).not.toThrow();
});

describe("webhooks", () => {
  const secret = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
  const other = `whsec_${Buffer.alloc(64, 2).toString("base64")}`;
  const WEBHOOK_URL = "https://shop.example/hooks/?key=1";

  test("go to an address as it is given, signed with one secret or two", () => {
    expect(read({ WEBHOOK_URL, WEBHOOK_SECRET: `${secret}, ${other}\n` })).toMatchObject({
      WEBHOOK_URL,
      WEBHOOK_SECRET: [secret, other],
    });
    const local = { WEBHOOK_URL: "http://10.0.0.1/", WEBHOOK_SECRET: secret };
    expect(read({ ...local, WEBHOOK_ALLOW_PRIVATE: "true" })).toMatchObject({
      WEBHOOK_URL: local.WEBHOOK_URL,
    });
    expect(read(local)).toBe(
      "WEBHOOK_URL: its address is private, which WEBHOOK_ALLOW_PRIVATE=true allows",
    );
  });

  test.each([
    [{ WEBHOOK_URL }, "WEBHOOK_SECRET: webhooks are signed, and there is none"],
    ...["ftp://a", "https://hush:hush@a", "https://a/#hush", "https:/a", "shop"].map(
      (url): [Record<string, string>, string] => [
        { WEBHOOK_URL: url, WEBHOOK_SECRET: secret },
        "WEBHOOK_URL: the value given is not an http",
      ],
    ),
    ...["hush", "whsec_", "whsec_aHVzaA==", `${secret},hush`].map(
      (bad): [Record<string, string>, string] => [
        { WEBHOOK_URL, WEBHOOK_SECRET: bad },
        "WEBHOOK_SECRET: the value given is not whsec_",
      ],
    ),
    ...["http://127.1", "http://0x7f.1/", "http://2130706433", "http://[::1]/"].map(
      (url): [Record<string, string>, string] => [
        { WEBHOOK_URL: url, WEBHOOK_SECRET: secret },
        "WEBHOOK_URL: its address is private",
      ],
    ),
  ])("%j are refused in one line without a secret", (env, sentence) => {
    const reason = read(env as Record<string, string>);
    expect(reason).toStartWith(sentence);
    expect(reason).not.toInclude("hush");
  });
});

test("the smallest and the largest ring are taken", () => {
  expect(read({ LEDGER_SLOTS: "4096" })).toMatchObject({ LEDGER_SLOTS: 4_096 });
  expect(read({ LEDGER_SLOTS: "268435456" })).toMatchObject({ LEDGER_SLOTS: 2 ** 28 });
});
