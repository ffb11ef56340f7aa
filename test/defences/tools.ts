/** Tools that the relay runs. */
import { against, type Removal } from "./removal.ts";

const TOOLS_TEST = "test/session/tools.test.ts";
const WEBHOOK = "test/worker/webhook.test.ts";
const SOURCE = "src/session/tools/index.ts";

export const TOOLS: readonly Removal[] = [
  ...against(
    "a tool of the relay's is posted to another host, or to a machine inside",
    {
      rule: "X255",
      what: "it is posted to any host",
      file: "src/config/resolve-tools.ts",
      from: "if (!isToolHost(found.hosts, url)) found.refuse(",
      to: "if (false) found.refuse(",
      test: "test/config/tools.test.ts",
    },
    {
      rule: "X258",
      what: "redirects are followed",
      file: "durable-objects/webhook.ts",
      from: 'redirect: "manual", signal });',
      to: 'redirect: "follow", signal });',
      test: WEBHOOK,
    },
  ),
  ...against("a tool takes somebody else's post for the relay's, or one for another", {
    rule: "X256",
    what: "what is posted is not signed",
    file: "durable-objects/webhook.ts",
    from: "`${id}.${timestamp}.${body}`",
    to: "`${id}.${timestamp}`",
    test: WEBHOOK,
  }),
  ...against(
    "a deed of a model is done that was taken back, or twice",
    {
      rule: "X242",
      what: "a call is made before it is on record",
      file: SOURCE,
      from: "if (call.number <= this.#recorded && !call.waits && !this.#made.has(call.id)) this.#make(call);",
      to: "if (!call.waits && !this.#made.has(call.id)) this.#make(call);",
      test: TOOLS_TEST,
    },
    {
      rule: "X244",
      what: "calls of an answer that was cut are made",
      file: "src/session/tools/call.ts",
      from: 'if (response.phase !== "completed") return "cut_off";',
      to: "",
      test: TOOLS_TEST,
    },
    {
      rule: "X245",
      what: "so are those that the client has deleted",
      file: SOURCE,
      from: 'if (conversation.find(id) === undefined) return this.#answered(call, { failure: "taken_back" });',
      to: "",
      test: TOOLS_TEST,
    },
    {
      rule: "X246",
      what: "what is under way is not on record",
      file: SOURCE,
      from: "calls: [...this.#calls.values()], decided",
      to: "calls: [], decided",
      test: "test/session/tools-plans.test.ts",
    },
  ),
  ...against("a client answers a call in the relay's place, or brings its tool", {
    rule: "X249",
    what: "its answer is taken",
    file: "src/session/tools/offer.ts",
    from: 'throw new ClientError("tool_run_by_relay", message, "item.call_id");',
    to: "",
    test: TOOLS_TEST,
  }),
  ...against(
    "a tool that is slow or says too much",
    {
      rule: "X247",
      what: "calls under way are not counted",
      file: "src/session/tools/call.ts",
      from: 'return others >= MOST_CALLS ? "too_many" : null;',
      to: "return null;",
      test: TOOLS_TEST,
    },
    {
      rule: "X257",
      what: "it is tried as often as there is time",
      file: "durable-objects/webhook.ts",
      from: "if (!passing || attempt >= webhook.retries) return result;",
      to: "if (!passing) return result;",
      test: WEBHOOK,
    },
    {
      rule: "X258",
      what: "it may say megabytes",
      file: "durable-objects/webhook.ts",
      from: "const MOST_RESULT = 65_536;",
      to: "const MOST_RESULT = 1e9;",
      test: WEBHOOK,
    },
  ),
];
