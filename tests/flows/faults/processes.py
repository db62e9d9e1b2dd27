"""Faults of one writing process: killed, without memory, given numbers that are none, with a clock that jumps."""

from __future__ import annotations

import math
import signal
import time

from storage import Store
from tests.flows.faults.comparison import Failed
from tests.flows.faults.lab import EXIT_DONE, EXIT_KNOWN_ERROR, FaultLab
from tests.flows.faults.resources import MEMORY_KB, small_memory
from tests.flows.flow_fakes import FakeEngine
from tests.storage import fault_points


class ProcessTrials(FaultLab):
    """One process that writes is killed or misled; each method is one kind of fault and returns the units redone."""

    def kill_at_point(self, number: int | None = None) -> int:
        """SIGKILL before or after one statement or commit."""
        number = self.some_point() if number is None else number
        document_id = self._new_document()
        code = self.start(document_id, before=lambda: fault_points.arm("any", number)).wait()
        if code not in (EXIT_DONE, -signal.SIGKILL):
            raise Failed(f"exit code {code}")
        return self.finish(document_id)

    def kill_at_random(self) -> int:
        """SIGKILL at a moment drawn from the calm run."""
        document_id = self._new_document()
        child = self.start(document_id)
        time.sleep(self._draw.uniform(0.0, self.calm_s))
        child.kill()
        return self.finish(document_id)

    def kill_twice(self) -> int:
        """SIGKILL, and again while resuming."""
        document_id = self._new_document()
        for _ in range(2):
            number = self.some_point()
            self.start(document_id, before=lambda n=number: fault_points.arm("any", n)).wait()  # type: ignore[misc]
        return self.finish(document_id, most_redone=2)

    def kill_in_model(self) -> int:
        """SIGKILL inside a model, as the kernel does where memory is short."""
        engine = FakeEngine(before=self._at_some_call(fault_points.die))
        document_id = self._new_document()
        code = self.start(document_id, engine=engine).wait()
        if code != -signal.SIGKILL:
            raise Failed(f"exit code {code}")
        return self.finish(document_id)

    def out_of_memory(self) -> int:
        """A model asks for more memory than the process may have."""
        document_id = self._new_document()

        def starve() -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
            bytearray(2**33)

        child = self.start(document_id, engine=FakeEngine(before=self._at_some_call(starve)))
        if child.wait() != EXIT_KNOWN_ERROR:
            raise Failed(f"the process went on without memory: {child.last_words()}")
        self._check_failed(document_id, "MemoryError")
        return self.finish(document_id)

    def out_of_memory_kill(self) -> int:
        """The kernel kills the process, because the decoder takes more memory than its group may have."""
        document_id = self._new_document()
        with small_memory(MEMORY_KB) as enter:

            def hoard(method: str, _: int) -> None:
                if method == "say":
                    enter()
                    bytearray(b"x" * (2 * MEMORY_KB * 1024))

            child = self.start(document_id, engine=FakeEngine(before=hoard))
            if child.wait() != -signal.SIGKILL:
                raise Failed(f"the process went on without memory: {child.last_words()}")
        return self.finish(document_id)

    def nan_from_model(self) -> int:
        """A model gives a number that is none."""
        engine = FakeEngine()
        engine.spoil[self._draw.choice(("encode", "plan", "write"))] = self._draw.choice((math.nan, math.inf))
        document_id = self._new_document()
        child = self.start(document_id, engine=engine)
        if child.wait() != EXIT_KNOWN_ERROR:
            raise Failed(f"a NaN was taken: {child.last_words()}")
        self._check_failed(document_id, "NaN or an infinity")
        return self.finish(document_id)

    def _check_failed(self, document_id: str, reason: str) -> None:
        with Store.open(self.database.url) as store:
            document = store.get_document(document_id)
        if document.status != "failed" or reason not in (document.error or ""):
            raise Failed(f"the document is {document.status} ({document.error}), not failed with {reason}")

    def clock_jump(self) -> int:
        """The clock of the writing process jumps by an hour, either way."""
        document_id = self._new_document()
        jump_s = self._draw.choice((-3600.0, 3600.0))
        number = self.some_point()
        real, offset = time.time, [0.0]

        def jump() -> None:
            offset[0] = jump_s

        def before() -> None:
            time.time = lambda: real() + offset[0]
            fault_points.arm("any", number, jump)

        child = self.start(document_id, before=before)
        if self._draw.random() < 0.5:
            time.sleep(self._draw.uniform(0.0, self.calm_s))
            child.kill()
        elif child.wait() != EXIT_DONE:
            raise Failed(f"a jump of the clock ended the run: {child.last_words()}")
        return self.finish(document_id)
