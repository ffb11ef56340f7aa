"""LiveKit Agents: the openai plugin's realtime session, without a room."""

from harness import HTTP, KEY, MODEL, SPEECH, Log, check, main

import asyncio

import aiohttp
from livekit import rtc
from livekit.plugins import openai


def of(type_):
    return lambda event: event.get("type") == type_


async def heard(generation):
    """The words of an answer and its samples."""
    text, samples = "", 0
    async for message in generation.message_stream:

        async def words():
            nonlocal text
            async for piece in message.text_stream:
                text += piece

        reading = asyncio.ensure_future(words())
        async for frame in message.audio_stream:
            samples += frame.samples_per_channel
        await reading
    return text, samples


async def run():
    async with aiohttp.ClientSession() as http:
        model = openai.realtime.RealtimeModel(model=MODEL, api_key=KEY, base_url=f"{HTTP}/v1", http_session=http)
        session = model.session()
        log, generations = Log(), Log()
        session.on("openai_server_event_received", log.push)
        session.on("error", lambda event: log.push({"type": "error", "error": str(event.error)}))
        session.on("generation_created", generations.push)

        async def text():
            # Sends `instructions: null`.
            said, samples = await heard(await session.generate_reply())
            assert said and samples, (said, samples)
            await heard(await session.generate_reply(instructions="Say hello."))

        async def update():
            await session.update_instructions("Be brief.")
            context = session.chat_ctx.copy()
            context.add_message(role="user", content="Hello.")
            await session.update_chat_ctx(context)
            session.update_options(tool_choice="auto")

        async def audio():
            for _ in range(3):
                for at in range(0, len(SPEECH), 960):
                    piece = SPEECH[at : at + 960]
                    session.push_audio(rtc.AudioFrame(piece, 24000, 1, len(piece) // 2))
                generation = await generations.next(lambda event: not event.user_initiated, "answer")
                _, samples = await heard(generation)
                assert samples

        async def barge_in():
            context = session.chat_ctx.copy()
            context.add_message(role="user", content="Tell me a story.")
            await session.update_chat_ctx(context)
            told = asyncio.ensure_future(heard(await session.generate_reply()))
            delta = await log.next(of("response.output_audio.delta"), "audio")
            session.interrupt()
            session.truncate(message_id=delta["item_id"], modalities=["audio"], audio_end_ms=20)
            await asyncio.wait_for(told, 20)
            await log.next(of("conversation.item.truncated"), "truncated")
            await asyncio.sleep(1)
            await heard(await session.generate_reply())
            errors = [event for event in log.all if event.get("type") == "error"]
            assert not errors, errors

        for name, each in (("text", text), ("update", update), ("audio", audio), ("barge-in", barge_in)):
            await check(name, each)
        await session.aclose()


main(run)
