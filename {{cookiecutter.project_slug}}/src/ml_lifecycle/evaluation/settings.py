"""[value]: money per row."""

from ..settings import Section


class ValueSettings(Section):
    """[value]: money per row, by outcome of acting on a positive, or by unit of error."""

    currency: str = "EUR"
    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = 0.0
    true_negative: float = 0.0
    cost_over: float = 1.0
    cost_under: float = 1.0
