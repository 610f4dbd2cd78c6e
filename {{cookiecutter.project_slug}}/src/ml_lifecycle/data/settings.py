"""[data]: where the table is, and what its columns are for."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Names, Section


class DataSettings(Section):
    """[data]: where the table is, and what its columns are for.

    >>> DataSettings(source="table.csv", target="churned").test_share
    0.2
    """

    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    positive_class: str = ""
    time: str = ""
    ordered: bool = False
    group: str = ""
    sensitive: Names = ()
    sensitive_names: Names = ()
    ignore: Names = ()
    keep: Names = ()
    exclude: Names = ()
    missing: Names | Literal["auto"] = "auto"
    header: bool = True
    encoding: str = ""
    test_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2

    @model_validator(mode="after")
    def one_role_per_column(self) -> "DataSettings":
        """Raise if a column is named for two purposes that exclude each other."""
        named = [self.target, *filter(None, [self.time, self.group])]
        named += [*self.sensitive, *self.ignore, *self.keep]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"a column can have one role only; named twice: {', '.join(twice)}")
        return self
