/** What the page can call: the routes that its key opens, what each is, and what to say to it. */
import { describeModels, type Model } from "../index.ts";
import { create, element } from "./elements.ts";

/** Of a route that says nothing of itself. */
const ABOUT =
  "A voice AI at the other end of this relay: speak or type, talk over an answer to stop it, cut the network to see it go on.";
const EXAMPLES = ["Tell me a story.", "Count to 20.", "What can you do?"];

export class Routes {
  readonly #select = element("model", HTMLSelectElement);
  readonly #about = element("about", HTMLSpanElement);
  readonly #tries = element("tries", HTMLSpanElement);
  readonly #tried: (words: string) => void;
  #models: readonly Model[] = [];

  /** @param tried one of the examples was pressed. */
  constructor(tried: (words: string) => void) {
    this.#tried = tried;
    this.#select.addEventListener("change", () => this.#describe());
    this.#describe();
  }

  /** @throws RelayError as `describeModels`. */
  async show(relay: string, apiKey: string): Promise<void> {
    this.#models = await describeModels(relay, apiKey);
    const chosen = new URLSearchParams(location.search).get("model") ?? this.#select.value;
    this.#select.replaceChildren(...this.#models.map(({ id }) => create("option", "", id)));
    if (this.#models.some(({ id }) => id === chosen)) this.#select.value = chosen;
    this.#describe();
  }

  #describe(): void {
    const model = this.#models.find(({ id }) => id === this.#select.value);
    this.#about.textContent = model?.description ?? ABOUT;
    const examples = model === undefined || model.examples.length === 0 ? EXAMPLES : model.examples;
    this.#tries.replaceChildren("Try", ...examples.map((words) => this.#button(words)));
  }

  #button(words: string): HTMLButtonElement {
    const button = create("button", "try", words);
    button.type = "button";
    button.addEventListener("click", () => this.#tried(words));
    return button;
  }
}
