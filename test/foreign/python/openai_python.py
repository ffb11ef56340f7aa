"""The official client, asynchronous. Every event is judged again by its typed models, in strict mode."""

import ssl

from harness import KEY, MODEL, TLS, Log, check, main, pieces

import asyncio
import base64

from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

STRICT = TypeAdapter(RealtimeServerEvent)


def hear(connection, log, raw):
    async def read():
        while True:
            data = await connection.recv_bytes()
            raw.append(data)
            log.push(connection.parse_event(data))

    return asyncio.ensure_future(read())


def say(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def of(type_):
    return lambda event: event.type == type_


async def run():
    client = AsyncOpenAI(api_key=KEY, base_url=f"{TLS}/v1")
    raw = []

    async def speak(connection):
        for piece in pieces():
            await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

    async def done(log):
        event = await log.next(of("response.done"), "response.done")
        assert event.response.status == "completed", event.response.status
        return event.response

    async with client.realtime.connect(model=MODEL) as connection:
        log = Log()
        reading = hear(connection, log, raw)

        async def text():
            await connection.conversation.item.create(item=say("Hello."))
            await connection.response.create(response={"output_modalities": ["text"]})
            assert (await log.next(of("response.output_text.done"))).text
            await done(log)

        async def audio():
            for _ in range(3):
                await speak(connection)
                await log.next(of("input_audio_buffer.committed"), "commit")
                assert (await done(log)).output[0].content[0].transcript

        async def tool():
            tools = [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]
            await connection.session.update(session={"type": "realtime", "tools": tools})
            await connection.conversation.item.create(item=say("How is the weather?"))
            await connection.response.create()
            called = await log.next(of("response.function_call_arguments.done"), "call")
            await done(log)
            item = {"type": "function_call_output", "call_id": called.call_id, "output": "sunny"}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            await done(log)

        async def barge_in():
            await connection.conversation.item.create(item=say("Tell me a story."))
            await connection.response.create()
            delta = await log.next(of("response.output_audio.delta"), "audio")
            await speak(connection)
            response = (await log.next(of("response.done"), "response.done")).response
            assert response.status == "cancelled", response.status
            assert response.usage and response.usage.input_tokens is not None, "no usage"
            await connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=20)
            await log.next(of("conversation.item.truncated"), "truncated")
            await done(log)
            await connection.conversation.item.retrieve(item_id=delta.item_id)
            await log.next(of("conversation.item.retrieved"), "retrieved")
            await connection.conversation.item.delete(item_id=delta.item_id)
            await log.next(of("conversation.item.deleted"), "deleted")

        async def update():
            for detection in (None, {"type": "semantic_vad"}, {"type": "server_vad", "silence_duration_ms": 300}):
                session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
                await connection.session.update(session=session)
                await log.next(of("session.updated"), "session.updated")

        for name, each in (("text", text), ("audio", audio), ("tool", tool), ("barge-in", barge_in), ("update", update)):
            await check(name, each)
        errors = [event for event in log.all if event.type == "error"]
        reading.cancel()

    made = await client.realtime.client_secrets.create(session={"type": "realtime", "model": MODEL})
    holder = AsyncOpenAI(api_key=made.value, base_url=f"{TLS}/v1")

    async def secret():
        assert made.value.startswith("ek_")
        async with holder.realtime.connect(model=MODEL) as again:
            assert (await asyncio.wait_for(again.recv(), 20)).type == "session.created"

    async def reconnect():
        # A resumable secret finds the first session that it opened (H28): one of its own.
        session = {"type": "realtime", "model": MODEL}
        again_made = await client.realtime.client_secrets.create(session=session, extra_body={"resumable": True})
        owner = AsyncOpenAI(api_key=again_made.value, base_url=f"{TLS}/v1")
        names = []
        for _ in range(2):
            async with owner.realtime.connect(model=MODEL) as again:
                first = await asyncio.wait_for(again.recv(), 20)
                names.append(first.session.id)
                again._connection.transport.abort()
            # A client waits before it dials again; at once, its old connection may still stand at the relay.
            await asyncio.sleep(1)
        assert len(names) == 2, names
        assert names[0] == names[1], "another session"

    async def transcription():
        async with client.realtime.connect(extra_query={"intent": "transcription"}) as other:
            own = Log()
            reading = hear(other, own, raw)
            audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
            await other.session.update(session={"type": "transcription", "audio": audio})
            await speak(other)
            name = "conversation.item.input_audio_transcription.completed"
            assert (await own.next(of(name), "transcript")).transcript
            reading.cancel()

    async def strict():
        for data in raw:
            STRICT.validate_json(data, strict=True)
        assert not errors, errors

    await check("secret", secret)
    await check("reconnect", reconnect)
    await check("transcription", transcription)
    await check("types", strict)


main(run)
