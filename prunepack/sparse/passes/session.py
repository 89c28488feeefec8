"""A session that runs a large batch in passes of few samples."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from prunepack.io.parallel import count_cores
from prunepack.sparse.passes.plan import plan_passes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunepack.runtime.ort_types import OrtModule, Session
    from prunepack.sparse.passes.splitting import Passes

__all__ = ["define_session"]


def define_session(ort: OrtModule) -> Callable[..., Session]:
    """Return the class of sessions with passes, a subclass of ``InferenceSession``."""
    return _define(ort.InferenceSession)


@cache
def _define(base: Any) -> Callable[..., Session]:
    class InferenceSession(base):  # type: ignore[misc]
        """An ``onnxruntime.InferenceSession`` whose ``run`` may take several passes."""

        _passes: Passes | None = None

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            threads = self.get_session_options().intra_op_num_threads or count_cores()
            self._passes = plan_passes(self, threads)

        @property
        def samples_per_pass(self) -> int | None:
            """Samples per pass; None if batches run as a whole, or as the inputs' sizes say."""
            return self._passes.samples if self._passes else None

        def run(
            self,
            output_names: Sequence[str] | None,
            input_feed: Mapping[str, Any],
            run_options: Any = None,
        ) -> list[Any]:
            """Return the outputs; the samples of a batch may run one after another."""
            run, passes = super().run, self._passes
            feeds = passes.split(input_feed) if passes else None
            if passes and feeds:
                with suppress(Exception):  # the whole batch tells the error
                    parts = [run(output_names, feed, run_options) for feed in feeds]
                    if joined := passes.join(feeds, parts):
                        return joined
                    self._passes = None  # onnxruntime inferred a wrong shape
            whole: list[Any] = run(output_names, input_feed, run_options)
            return whole

    return InferenceSession
