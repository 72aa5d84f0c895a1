/** Gives the problem of an error answer, after checking that it is one and says what its status is. */
export async function problemOf(response: Response): Promise<string> {
  const body = (await response.json()) as Record<string, unknown>;
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`content-type is ${type}`);
  const fields = Object.keys(body).sort().join(" ");
  if (fields !== "detail status title type") throw new Error(`fields are ${fields}`);
  if (body["status"] !== response.status) throw new Error(`status is ${String(body["status"])}`);
  return String(body["detail"]);
}
