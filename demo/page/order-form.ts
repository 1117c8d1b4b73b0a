import { find, findAs, make } from "./dom.ts";
import { getJson, postJson } from "./state.ts";

/** As much of JSON Schema as an order needs. */
interface OrderSchema {
  readonly properties: Readonly<
    Record<string, { readonly enum?: readonly string[]; readonly minimum?: number; readonly maximum?: number }>
  >;
}

/** What the server says to an order that it refuses. */
interface Refused {
  readonly code: string;
  readonly message: string;
  readonly issues?: ReadonlyArray<{ readonly path: string; readonly message: string }>;
}

/** What the shop fills in. */
const OURS = new Set(["n", "at"]);

/** Builds the form from the schema that the server validates with. */
export async function openOrderForm(placed: () => void): Promise<void> {
  const form = findAs(HTMLFormElement, "#order-form");
  const { properties } = await getJson<OrderSchema>("/form");
  for (const [name, rule] of Object.entries(properties)) {
    if (OURS.has(name)) continue;
    const label = make("label", "field");
    label.append(
      make("span", "", rule.enum ? name : `${name}, ${rule.minimum} to ${rule.maximum}`),
      rule.enum ? select(name, rule.enum) : number(name),
    );
    find("#order-fields").append(label);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form, properties).then(placed);
  });
}

function select(name: string, values: readonly string[]): HTMLSelectElement {
  const field = make("select", "");
  field.name = name;
  field.append(...values.map((value) => new Option(value)));
  return field;
}

/** No limits here: what is wrong with a value is for the server to say. */
function number(name: string): HTMLInputElement {
  const field = make("input", "");
  field.name = name;
  field.type = "number";
  field.step = "any";
  field.value = "1";
  return field;
}

async function send(form: HTMLFormElement, properties: OrderSchema["properties"]): Promise<void> {
  const answer = find("#order-answer");
  const values = [...new FormData(form)].map(([name, value]) => [name, properties[name]?.enum ? value : Number(value)]);
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  try {
    const response = await postJson("/orders", Object.fromEntries(values) as object);
    const body = (await response.json()) as Refused & { readonly n?: number };
    if (response.ok) return answer.replaceChildren(make("span", "ok", `Order #${body.n} is in the log.`));
    const lines = (body.issues ?? []).map(({ path, message }) => {
      form.querySelector(`[name="${CSS.escape(path)}"]`)?.setAttribute("aria-invalid", "true");
      return make("span", "issue", `${path}: ${message}`);
    });
    answer.replaceChildren(
      make("code", "code-name", body.code),
      " ",
      ...(lines.length > 0 ? lines : [make("span", "issue", body.message)]),
    );
    answer.title = body.message;
  } catch {
    answer.replaceChildren(make("span", "issue", "The demo does not answer."));
  }
}
