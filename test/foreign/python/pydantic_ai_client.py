"""pydantic-ai: a realtime session of an agent."""

from harness import HTTP, KEY, MODEL, Log, check, main, pieces

import asyncio

from pydantic_ai import Agent
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

provider = OpenAIProvider(base_url=f"{HTTP}/v1", api_key=KEY)
agent = Agent(instructions="Be brief.")


@agent.tool_plain
def get_weather() -> str:
    """The weather."""
    return "sunny"


def of(*names):
    return lambda event: type(event).__name__ in names


async def run():
    realtime = agent.realtime(OpenAIRealtimeModel(MODEL, provider=provider))
    async with realtime.session() as session:
        log = Log()

        async def read():
            async for event in session:
                log.push(event)

        reading = asyncio.ensure_future(read())

        async def complete():
            await log.next(of("RealtimeTurnCompleteEvent"), "end of the turn")

        async def text():
            await session.send("Hello.")
            await complete()

        async def audio():
            for _ in range(3):
                for piece in pieces():
                    await session.send_audio(piece)
                await complete()

        async def tool():
            await session.send("How is the weather?")
            await log.next(of("FunctionToolResultEvent"), "result of the tool")
            await complete()

        async def barge_in():
            await session.send("Tell me a story.")
            await log.next(of("RealtimeOutputSpeechStartEvent", "PartDeltaEvent"), "speech")
            await session.interrupt(played_ms=20)
            await log.next(of("RealtimeResponseInterruptedEvent", "RealtimeTurnCompleteEvent"), "interruption")
            await asyncio.sleep(1)
            await session.send("Hello.")
            await complete()
            errors = [event for event in log.all if type(event).__name__ == "RealtimeSessionErrorEvent"]
            assert not errors, errors

        for name, each in (("text", text), ("audio", audio), ("tool", tool), ("barge-in", barge_in)):
            await check(name, each)
        reading.cancel()


main(run)
