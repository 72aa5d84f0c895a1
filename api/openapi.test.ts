import { expect, test } from "bun:test";
import { OPERATION_IDS, rowOf } from "../shared/http-api/table.ts";
import { apiDocument } from "./openapi.ts";

type Operation = { readonly operationId: string; readonly responses: Record<string, unknown> };

test("whatever is passed on may be answered 400 and 503, beside what the worker answers", () => {
  const { paths } = JSON.parse(apiDocument(1_000_000)) as {
    readonly paths: Record<string, Record<string, Operation>>;
  };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const passedOn = operations.filter(({ operationId }) =>
    OPERATION_IDS.some((id) => id === operationId && rowOf(id).owner === "worker"),
  );
  expect(passedOn).not.toBeEmpty();
  for (const { operationId, responses } of passedOn) {
    const { answers } = rowOf(operationId as (typeof OPERATION_IDS)[number]);
    const statuses = new Set([...Object.keys(answers), "400", "503"]);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining([...statuses]));
    // A key that is no status would be nobody's answer.
    expect(Object.keys(responses).filter((key) => !/^[1-5]\d\d$/.test(key))).toEqual([]);
  }
});
