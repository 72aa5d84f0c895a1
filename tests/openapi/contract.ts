/** Holds an OpenAPI document against what a service answers: every answer is checked, and noted as seen. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020";

type Content = { readonly [type: string]: { readonly schema: object } };
type Documented = {
  readonly content?: Content;
  readonly headers?: { readonly [name: string]: { readonly schema: object } };
};
type Operation = {
  readonly responses: { readonly [status: string]: Documented };
  readonly requestBody?: { readonly content: Content };
};
export type Document = {
  readonly openapi: string;
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  readonly components: { readonly schemas: { readonly [name: string]: object } };
};

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

export class Contract {
  readonly document: Document;
  readonly #ajv: Ajv2020;
  readonly #seen = new Set<string>();

  constructor(document: Document) {
    this.document = document;
    // Cents are exact in a double; a hundredth of it is not.
    this.#ajv = new Ajv2020({ strict: true, allowUnionTypes: true, multipleOfPrecision: 6 });
    this.#ajv.addFormat("date-time", DATE_TIME);
    // The pattern that goes with it says more.
    this.#ajv.addFormat("uuid", true);
    this.#ajv.addSchema({ $id: "document", components: document.components }, "document");
    this.#ajv.addVocabulary(["components"]);
  }

  /** Compiles a schema as it stands in the document, its references included. */
  validator(schema: object): ValidateFunction {
    return this.#ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
  }

  bodySchema(path: string, method: string): object {
    const body = this.document.paths[path]?.[method]?.requestBody;
    return body?.content["application/json"]?.schema as object;
  }

  /** Gives the body of the answer. Throws when it is not as documented. */
  async check(path: string, method: string, response: Response): Promise<unknown> {
    const about = `${method} ${path} ${response.status}`;
    const documented =
      this.document.paths[path]?.[method.toLowerCase()]?.responses[response.status];
    if (documented === undefined) throw new Error(`${about} is not documented`);
    for (const [name, { schema }] of Object.entries(documented.headers ?? {})) {
      this.#valid(`${about}, header ${name}`, schema, response.headers.get(name));
    }
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
    const text = isStream ? await firstChunk(response) : await response.text();
    this.#seen.add(`${method} ${path} ${response.status}`);
    if (documented.content === undefined) {
      if (text !== "") throw new Error(`${about} has a body: ${text}`);
      return null;
    }
    const type = (response.headers.get("content-type") ?? "none").split(";")[0] as string;
    const content = documented.content[type];
    if (content === undefined) throw new Error(`${about} is of type ${type}`);
    this.#seen.add(`${method} ${path} ${response.status} ${type}`);
    const body: unknown = type.endsWith("json") ? JSON.parse(text) : text;
    this.#valid(about, content.schema, body);
    return body;
  }

  has(path: string, status: string): boolean {
    const shape = (template: string) => template.replaceAll(/\{[^}]*\}/g, "{}");
    return Object.entries(this.document.paths).some(
      ([each, methods]) =>
        shape(each) === shape(path) &&
        Object.values(methods).some(({ responses }) => status in responses),
    );
  }

  /** Lists answers that are documented and never came. */
  unseen(): string[] {
    const all: string[] = [];
    for (const [path, methods] of Object.entries(this.document.paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        for (const [status, { content }] of Object.entries(responses)) {
          const about = `${method.toUpperCase()} ${path} ${status}`;
          const types = Object.keys(content ?? {});
          all.push(...(types.length === 0 ? [about] : types.map((type) => `${about} ${type}`)));
        }
      }
    }
    return all.filter((about) => !this.#seen.has(about));
  }

  #valid(about: string, schema: object, value: unknown): void {
    const validate = this.validator(schema);
    if (validate(value)) return;
    const why = this.#ajv.errorsText(validate.errors);
    throw new Error(`${about} is not as documented: ${why}\n${JSON.stringify(value)}`);
  }
}

async function firstChunk(response: Response): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}
