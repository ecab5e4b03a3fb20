"""A ZenML orchestrator that takes schedules, as Kubernetes' does: ZenML has no local one.

It fires each schedule once, at once.
"""

from __future__ import annotations

from zenml.orchestrators.local.local_orchestrator import (
    LocalOrchestrator,
    LocalOrchestratorConfig,
    LocalOrchestratorFlavor,
)


class TimerConfig(LocalOrchestratorConfig):  # type: ignore[misc]
    @property
    def is_schedulable(self) -> bool:
        return True


class TimerFlavor(LocalOrchestratorFlavor):  # type: ignore[misc]
    @property
    def name(self) -> str:
        return "timer"

    @property
    def config_class(self) -> type[TimerConfig]:
        return TimerConfig

    @property
    def implementation_class(self) -> type[LocalOrchestrator]:
        kind: type[LocalOrchestrator] = LocalOrchestrator
        return kind
