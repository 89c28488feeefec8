"""Every planted fault."""

from __future__ import annotations

from tests.faults import computation_faults, interface_faults, weight_faults

__all__ = ["FAULTS"]

FAULTS = (
    *weight_faults.FAULTS,
    *interface_faults.FAULTS,
    *computation_faults.FAULTS,
)
