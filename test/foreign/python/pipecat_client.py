"""Pipecat: its OpenAI realtime service in a pipeline, without a transport."""

from harness import KEY, MODEL, WS, Log, check, main, pieces

import asyncio
import sys

from loguru import logger
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    LLMUpdateSettingsFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

logger.remove()
logger.add(sys.stderr, level="WARNING")
called = []


async def get_weather(params: FunctionCallParams):
    """Get the weather."""
    called.append(True)
    await params.result_callback({"weather": "sunny"})


class Ear(FrameProcessor):
    def __init__(self, log):
        super().__init__()
        self._log = log

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self._log.push(frame)
        await self.push_frame(frame, direction)


def of(*kinds):
    return lambda frame: isinstance(frame, kinds)


async def run():
    log, errors = Log(), []
    settings = OpenAIRealtimeLLMService.Settings(model=MODEL, system_instruction="Be brief.")
    service = OpenAIRealtimeLLMService(api_key=KEY, base_url=f"{WS}/v1/realtime", settings=settings)
    context = LLMContext([{"role": "user", "content": "Hello."}], [get_weather])
    user, assistant = LLMContextAggregatorPair(context)
    params = PipelineParams(audio_in_sample_rate=24000, audio_out_sample_rate=24000, enable_metrics=True, enable_usage_metrics=True)
    worker = PipelineWorker(Pipeline([user, service, Ear(log), assistant]), params=params, idle_timeout_secs=None, enable_rtvi=False)

    @service.event_handler("on_error")
    async def on_error(_, error):
        errors.append(str(error))

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.ensure_future(runner.run())
    await asyncio.sleep(1)

    async def speak(pause=0.0):
        for piece in pieces():
            await asyncio.sleep(pause)
            await worker.queue_frames([InputAudioRawFrame(audio=piece, sample_rate=24000, num_channels=1)])

    async def answer():
        await log.next(of(TTSAudioRawFrame), "audio")
        await log.next(of(TTSStoppedFrame), "end of speech")

    async def ask(words):
        # The service takes text into a running call only so.
        content = [events.ItemContent(type="input_text", text=words)]
        item = events.ConversationItem(type="message", role="user", content=content)
        await service.send_client_event(events.ConversationItemCreateEvent(item=item))
        await service.send_client_event(events.ResponseCreateEvent())

    async def text():
        await worker.queue_frames([LLMRunFrame()])
        await answer()

    async def audio():
        for _ in range(3):
            await speak()
            await answer()

    async def tool():
        await ask("How is the weather?")
        await answer()
        assert called, "the tool was not called"

    async def barge_in():
        # The interrupted response.done must have a whole usage: pipecat reads all of it and is deaf otherwise.
        await ask("Tell me a story.")
        await log.next(of(TTSAudioRawFrame), "audio")
        # In real time: pipecat reckons what was heard by the wall clock.
        await speak(0.1)
        await log.next(of(InterruptionFrame), "interruption")
        await answer()
        await speak()
        await answer()
        failed = [frame for frame in log.all if isinstance(frame, ErrorFrame)] + errors
        assert not failed, failed
        assert any(isinstance(frame, MetricsFrame) for frame in log.all)

    async def update():
        delta = OpenAIRealtimeLLMService.Settings(system_instruction="Be kind.")
        await worker.queue_frames([LLMUpdateSettingsFrame(delta=delta)])
        await ask("Hello.")
        await answer()
        assert not errors, errors

    for name, each in (("text", text), ("audio", audio), ("tool", tool), ("barge-in", barge_in), ("update", update)):
        await check(name, each)
    running.cancel()


main(run)
