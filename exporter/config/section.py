"""What all sections have in common, and the names of clusters and servers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, model_validator

from exporter.config.texts import Pattern

MINUTE, HOUR, DAY = 60, 3600, 86_400

SourceName = Annotated[str, Pattern("[a-z0-9-]{1,63}", "small letters a to z, digits and -, at most 63", "lab")]


class Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused, a key without a value means its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_default(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
