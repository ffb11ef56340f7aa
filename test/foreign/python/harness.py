"""What the scripts of Python clients share: where the relay is, and how to report what held."""

import asyncio
import json
import os
import sys
import traceback

import stubs  # noqa: F401  (before any client)

HTTP, WS, TLS = (os.environ[f"FOREIGN_{name}_URL"] for name in ("HTTP", "WS", "TLS"))
KEY = os.environ["FOREIGN_KEY"]
MODEL = "demo"
with open(os.environ["FOREIGN_SPEECH"], "rb") as file:
    #: A question, s16le mono at 24 kHz.
    SPEECH = file.read()

STEP = 30


def pieces(data=SPEECH, size=4800):
    return [data[at : at + size] for at in range(0, len(data), size)]


async def check(name, run):
    """Runs one check and reports it; one that raises does not end the script."""
    try:
        await asyncio.wait_for(run(), 2 * STEP)
        told = {"check": name, "ok": True}
    except BaseException as error:  # noqa: BLE001
        traceback.print_exc()
        told = {"check": name, "ok": False, "why": f"{type(error).__name__}: {error}"[:600]}
    print(json.dumps(told, separators=(",", ":")), flush=True)


class Log:
    """Events in their order; ``next`` goes forward."""

    def __init__(self):
        self.all, self._at, self._came = [], 0, asyncio.Event()

    def push(self, event):
        self.all.append(event)
        self._came.set()

    async def next(self, matches, what="event"):
        async def find():
            while True:
                while self._at < len(self.all):
                    event = self.all[self._at]
                    self._at += 1
                    if matches(event):
                        return event
                self._came.clear()
                await self._came.wait()

        try:
            return await asyncio.wait_for(find(), STEP)
        except asyncio.TimeoutError:
            kinds = [getattr(event, "type", type(event).__name__) for event in self.all[-12:]]
            raise AssertionError(f"no {what}; the last were {kinds}") from None


def main(run):
    # Not asyncio.run: at its end it waits for tasks of clients that do not let themselves be cancelled.
    code = 0
    try:
        asyncio.new_event_loop().run_until_complete(run())
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
