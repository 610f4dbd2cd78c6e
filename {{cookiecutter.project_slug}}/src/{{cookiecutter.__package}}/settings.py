"""What project.toml may say: the library's sections, and this project's own.

In: project.toml and the environment. Out: `Settings`. A knob of your own is a field here and a line
there; a section of your own is a class, `class Orders(Section)`, and a field.
"""

from pathlib import Path

from pydantic import Field

from ml_lifecycle import Project, Section, approver, find_root, load_toml
from ml_lifecycle.data import Contract, DataSettings
from ml_lifecycle.evaluation import METRICS, Task, ValueSettings
from ml_lifecycle.model import SearchSettings
from ml_lifecycle.monitoring import DriftSettings
from ml_lifecycle.release import GateSettings, Registry
from ml_lifecycle.service import RolloutSettings, ServiceSettings

from .candidates import TRUST


class Settings(Section):
    """The whole of project.toml, and the project that it stands in."""

    project: Project
    data: DataSettings
    training: SearchSettings = SearchSettings()
    value: ValueSettings = ValueSettings()
    slices: dict[str, float] = Field(default_factory=dict)
    gate: GateSettings = GateSettings()
    rollout: RolloutSettings = RolloutSettings()
    drift: DriftSettings = DriftSettings()
    service: ServiceSettings = ServiceSettings()

    @property
    def registry(self) -> Registry:
        """MLflow's runs and versions, of which only what `candidates.py` trusts is loaded."""
        return Registry(self.project, TRUST)

    @property
    def approver(self) -> str:
        """Who decides here, as the ledger keeps it."""
        return approver(self.gate.approver)

    def task(self, contract: Contract) -> Task:
        """Return what is learnt: which class counts, which metric is maximised, with which seed."""
        return Task(
            contract,
            positive_class=self.data.positive_class,
            metric=self.training.metric,
            seed=self.training.seed,
            ordered=self.data.ordered,
            metrics=METRICS,
        )


def load(root: Path | None = None) -> Settings:
    """Read the nearest project.toml; raise `WrongUse` with one line for each mistake in it."""
    folder = find_root(root)
    project = Project.of(folder, __package__)
    return load_toml(folder / "project.toml", Settings, project=project)
