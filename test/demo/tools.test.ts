import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDemo, type Demo } from "../../demo/server.ts";
import { callsFor } from "../../demo/tools.ts";
import type { Tool } from "../../demo/schemas.ts";
import { Client, MANUAL_TEXT, story } from "./client.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

const GET_TIME: Tool = { type: "function", name: "get_time", parameters: { type: "object", properties: {} } };
const WEATHER: Tool = {
  type: "function",
  name: "lookup_weather",
  description: "Forecast of rain and temperature",
  parameters: {
    type: "object",
    required: ["city", "days", "units"],
    properties: {
      city: { type: "string" },
      days: { type: "integer", minimum: 1, maximum: 7 },
      units: { enum: ["kelvin", "celsius"] },
      verbose: { type: "boolean" },
    },
  },
};

describe("function calls", () => {
  test("[D24] a tool that the text means is called, and its result is spoken", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update({ ...MANUAL_TEXT, tools: [GET_TIME] });
    const done = await client.ask("What time is it?");
    const begun = client.events.findIndex((event) => event.type === "response.created");
    await client.next("rate_limits.updated");
    expect(story(client.events.slice(begun))).toEqual([
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "conversation.item.done",
      "response.output_item.done",
      "response.done",
      "rate_limits.updated",
    ]);
    const call = { type: "function_call", status: "completed", name: "get_time", arguments: "{}" };
    expect(done["output"]).toEqual([expect.objectContaining(call)]);
    expect(client.all("response.output_item.done").at(-1)?.["item"]).toMatchObject(call);
    const { call_id } = done["output"][0];
    const output = JSON.stringify({ time: "14:05", time_zone: "UTC" });
    const item = { type: "function_call_output", call_id, output };
    client.send({ type: "conversation.item.create", item });
    client.send({ type: "response.create" });
    const spoken = (await client.next("response.done"))["response"].output[0].content[0].text;
    expect(spoken).toBe("The answer of get time is: time 14:05, time zone UTC.");
    await client.hangUp();
  });

  test("[D24] arguments follow the tool's schema", () => {
    const [call] = callsFor(
      "Will it need an umbrella, weather in New York for 12 days?",
      [GET_TIME, WEATHER],
      "auto",
      true,
    );
    expect(call?.name).toBe("lookup_weather");
    expect(JSON.parse(call?.arguments ?? "")).toEqual({ city: "New York", days: 7, units: "kelvin" });
    const [other] = callsFor("rain and temperature in Paris, in celsius", [WEATHER], "auto", true);
    expect(JSON.parse(other?.arguments ?? "")).toMatchObject({ city: "Paris", days: 1, units: "celsius" });
  });

  test("[D24] tool_choice is obeyed", () => {
    const tools = [GET_TIME, WEATHER];
    const names = (text: string, choice: Parameters<typeof callsFor>[2], parallel = true) =>
      callsFor(text, tools, choice, parallel).map((call) => call.name);
    expect(names("what time is it", "none")).toEqual([]);
    expect(names("hello", "auto")).toEqual([]);
    expect(names("hello", "required")).toEqual(["get_time"]);
    expect(names("hello", { type: "function", name: "lookup_weather" })).toEqual(["lookup_weather"]);
    expect(names("the time and the weather", "auto")).toEqual(["get_time", "lookup_weather"]);
    expect(names("the time and the weather", "auto", false)).toEqual(["get_time"]);
  });

  test("[D24] a call can be required of an audio turn too", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update({ ...MANUAL_TEXT, tools: [GET_TIME], tool_choice: "required" });
    client.send({ type: "input_audio_buffer.append", audio: new Uint8Array(9_600).toBase64() });
    client.send({ type: "input_audio_buffer.commit" });
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.output[0]).toMatchObject({ type: "function_call", name: "get_time" });
    expect(response.metadata.demo_input_samples).toBe("4800");
    await client.hangUp();
  });
});
