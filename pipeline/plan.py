"""Plan of a run: every choice, as one frozen value."""

from __future__ import annotations

from pydantic import Field

from prunepack.pipeline.search.config import SearchConfig
from prunepack.pipeline.sensitivity.config import SensitivityConfig
from prunepack.stages.compact import CompactConfig
from prunepack.stages.contract.stage import Config
from prunepack.stages.export import ExportConfig
from prunepack.stages.finalize import FinalizeConfig
from prunepack.stages.finetune import FinetuneConfig
from prunepack.stages.gate import GateConfig
from prunepack.stages.load import LoadConfig
from prunepack.stages.measure import MeasureConfig
from prunepack.stages.pack import PackConfig
from prunepack.stages.prune import PruneConfig
from prunepack.stages.undo import UndoConfig
from prunepack.stages.verify import VerifyConfig

__all__ = ["Plan"]


class Plan(Config):
    """One config per stage, of the search and of sensitivity; a recipe has one table per field."""

    load: LoadConfig = Field(default_factory=LoadConfig)
    undo: UndoConfig = Field(default_factory=UndoConfig)
    prune: PruneConfig = Field(default_factory=PruneConfig)
    finetune: FinetuneConfig = Field(default_factory=FinetuneConfig)
    finalize: FinalizeConfig = Field(default_factory=FinalizeConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)
    compact: CompactConfig = Field(default_factory=CompactConfig)
    pack: PackConfig = Field(default_factory=PackConfig)
    verify: VerifyConfig = Field(default_factory=VerifyConfig)
    measure: MeasureConfig = Field(default_factory=MeasureConfig)
    gate: GateConfig = Field(default_factory=GateConfig)
    search: SearchConfig = Field(default_factory=SearchConfig)
    sensitivity: SensitivityConfig = Field(default_factory=SensitivityConfig)

    @property
    def proof(self) -> FinalizeConfig:
        """The config of finalize, which takes the samples of verify if it has none of its own."""
        inputs = self.finalize.inputs or self.verify.inputs
        return self.finalize.model_copy(update={"inputs": inputs})

    @property
    def comparison(self) -> VerifyConfig:
        """The config of verify, which also compares the batch sizes that measure times."""
        sizes = dict.fromkeys((*self.verify.batch_sizes, *self.measure.batch_sizes))
        return self.verify.model_copy(update={"batch_sizes": tuple(sizes)})

    @property
    def training(self) -> FinetuneConfig:
        """The config of finetune, which trains the output that verify judges."""
        answer = self.finetune.answer or self.verify.answer
        names = self.export.output_names
        place = str(names.index(answer)) if answer in names else answer
        return self.finetune.model_copy(update={"answer": place})
