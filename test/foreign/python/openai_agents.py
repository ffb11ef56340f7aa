"""openai-agents-python: a realtime session of one agent."""

from harness import KEY, MODEL, WS, Log, check, main, pieces

import asyncio

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner


@function_tool
def get_weather() -> str:
    """The weather."""
    return "sunny"


def of(*types):
    return lambda event: event.type in types


async def run():
    agent = RealtimeAgent(name="Greeter", instructions="Be brief.", tools=[get_weather])
    detection = {"type": "server_vad", "silence_duration_ms": 500, "interrupt_response": True}
    settings = {"model_name": MODEL, "turn_detection": detection}
    runner = RealtimeRunner(agent, config={"model_settings": settings})
    session = await runner.run(model_config={"api_key": KEY, "url": f"{WS}/v1/realtime?model={MODEL}"})
    async with session:
        log = Log()

        async def read():
            async for event in session:
                log.push(event)

        reading = asyncio.ensure_future(read())

        async def turn(text):
            await session.send_message(text)
            await log.next(of("agent_end"), "agent_end")

        async def text():
            await turn("Hello.")

        async def audio():
            for _ in range(3):
                for piece in pieces():
                    await session.send_audio(piece)
                await log.next(of("audio"), "audio")
                await log.next(of("audio_end"), "audio_end")

        async def tool():
            await session.send_message("How is the weather?")
            ended = await log.next(of("tool_end"), "tool_end")
            assert ended.output == "sunny", ended
            await log.next(of("audio_end"), "the spoken result")

        async def barge_in():
            await session.send_message("Tell me a story.")
            await log.next(of("audio"), "audio")
            await session.interrupt()
            await log.next(of("audio_interrupted", "audio_end"), "interruption")
            await asyncio.sleep(1)
            await turn("Hello.")

        async def update():
            await session.update_agent(RealtimeAgent(name="Other", instructions="Be kind."))
            await turn("Hello.")
            errors = [event for event in log.all if event.type == "error"]
            assert not errors, errors

        for name, each in (("text", text), ("audio", audio), ("tool", tool), ("barge-in", barge_in), ("update", update)):
            await check(name, each)
        reading.cancel()


main(run)
