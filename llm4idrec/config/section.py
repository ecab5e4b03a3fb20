"""What every section of `params.yaml` is, and the kinds of number that stand in it."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

Value = TypeVar("Value")


def _once(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))


Once = AfterValidator(_once)
"""Of a list: what is repeated counts where it stands first."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A frozen section of `params.yaml`; the doc line under each field is its documentation."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _not_yes(cls, value: Any, field: ValidationInfo) -> Any:
        """YAML takes a bare `yes` or `on` for true, and pydantic true for 1."""
        parts = value if isinstance(value, list | tuple) else (value,)
        truth = cls.model_fields[str(field.field_name)].annotation is bool
        if not truth and any(isinstance(part, bool) for part in parts):
            raise PydanticCustomError("no_truth", "something else than true or false")
        return value
