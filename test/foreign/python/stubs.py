"""Stands in for native parts that are not installed (sound, rooms, telemetry); what is installed goes first.

Protocol code is never replaced. Of LiveKit's native library the frame and the emitter are written out, for its session
is built on both.
"""

import asyncio
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import types
from collections import defaultdict

NATIVE = (
    "logfire_api", "genai_prices", "loudness", "resampy", "onnxruntime", "transformers", "pyrnnoise", "num2words",
    "livekit.rtc", "livekit.api", "livekit.protocol", "livekit.local_inference", "livekit.blingfire", "livekit.blockguard",
    "livekit.durable", "sounddevice", "watchfiles", "typer", "json_repair", "nest_asyncio", "eval_type_backport",
    "opentelemetry", "google", "lk_blingfire", "wait_for2", "nltk",
)  # fmt: skip


class _Kind(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Kind(name, (Nothing,), {})

    def __iter__(cls):
        return iter(())


class Nothing(metaclass=_Kind):
    """Any class, function or value of a native part: does nothing, answers itself."""

    def __init__(self, *args, **kwargs):
        pass

    def __init_subclass__(cls, **kwargs):
        pass

    def __class_getitem__(cls, item):
        return cls

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        from pydantic_core import core_schema

        return core_schema.any_schema()

    def __call__(self, *args, **kwargs):
        # As a decorator it leaves what it decorates.
        return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def __iter__(self):
        return iter(())

    def __bool__(self):
        return False


class _Module(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Kind(name, (Nothing,), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if any(fullname == name or fullname.startswith(name + ".") for name in NATIVE):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        module = _Module(spec.name)
        if spec.name == "livekit.rtc":
            module.EventEmitter, module.AudioFrame = EventEmitter, AudioFrame
        if spec.name == "wait_for2":
            module.wait_for = asyncio.wait_for
        return module

    def exec_module(self, module):
        pass


class EventEmitter:
    def __init__(self):
        self._listeners = defaultdict(list)

    def __class_getitem__(cls, item):
        return cls

    def on(self, event, callback=None):
        if callback is None:
            return lambda function: self.on(event, function)
        self._listeners[event].append(callback)
        return callback

    def once(self, event, callback):
        return self.on(event, callback)

    def off(self, event, callback):
        if callback in self._listeners[event]:
            self._listeners[event].remove(callback)

    def emit(self, event, *args):
        for callback in list(self._listeners[event]):
            callback(*args)


class AudioFrame(Nothing):
    def __init__(self, data, sample_rate, num_channels, samples_per_channel, **kwargs):
        self.data = memoryview(bytes(data)).cast("h")
        self.sample_rate, self.num_channels = sample_rate, num_channels
        self.samples_per_channel = samples_per_channel
        self.userdata = {}

    @property
    def duration(self):
        return self.samples_per_channel / self.sample_rate


def _version(name, real=importlib.metadata.version):
    """Sources on a path have no metadata, and some ask for their version."""
    try:
        return real(name)
    except importlib.metadata.PackageNotFoundError:
        return "0.0.0"


importlib.metadata.version = _version
sys.meta_path.append(_Finder())
