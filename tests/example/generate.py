"""Simulate the template's bundled example: monthly subscription churn with four incidents.

Run `python generate.py OUTPUT.csv`. Out comes a table of 18 months, about 12,000 rows. Every draw
is made from uniform numbers of one seeded PCG64 stream, the part of numpy.random that promises to
stay as it is, and every number is written with fixed decimals: the bytes are the same everywhere.
Change `quiet_logit` and `dear_logit` to change who leaves, the constants below to move an incident.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Table = dict[str, Array]

SEED = 4
MONTHS = 18
BURN_IN = 180  # months lived through before the first row, so that tenure has stopped growing
POPULATION = 2000  # customers at any time: leavers are replaced one for one
FIRST_SAMPLE, LAST_SAMPLE = 550, 790  # rows in the first month and in the last

MINUTES_MONTH = 13  # usage_hours arrives in minutes
FAMILY_MONTH = 14  # a plan that nobody saw before, withdrawn a month later
CAMPAIGN_MONTH = 15  # other customers, the same reasons to leave
PRICE_RISE_MONTH = 16  # from here on: other prices and other reasons to leave
PRICE_RISE = 1.25

LIST_PRICE = {"basic": 20.9, "standard": 22.4, "premium": 23.9}
COLUMNS = [
    "month",
    "customer_id",
    "age",
    "gender",
    "region",
    "plan",
    "contract",
    "autopay",
    "tenure_months",
    "monthly_fee",
    "usage_hours",
    "support_calls",
    "late_payments",
    "satisfaction",
    "churned",
]


def normal(rng: np.random.Generator, n: int) -> Floats:
    """Draw n standard normals by Box and Muller: sqrt(-2 ln u) cos(2 pi v)."""
    u, v = rng.random(n), rng.random(n)
    return np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v)


def poisson(rng: np.random.Generator, rate: Floats) -> NDArray[np.int64]:
    """Draw one Poisson count (at most 9) a row by inverting P(k) = exp(-rate) rate^k / k!."""
    u, count = rng.random(rate.size), np.zeros(rate.size, dtype=np.int64)
    term = np.exp(-rate)
    total = term.copy()
    for k in range(1, 10):
        count += u >= total
        term = term * rate / k
        total = total + term
    return count


def pick(rng: np.random.Generator, n: int, shares: dict[str, float]) -> Array:
    """Draw n values with the given shares, which sum to one."""
    edges = np.cumsum(list(shares.values()))[:-1]
    return np.array(list(shares))[np.searchsorted(edges, rng.random(n), side="right")]


def newcomers(rng: np.random.Generator, n: int, first_number: int) -> Table:
    """Make n customers in their first month: what stays with a customer for good.

    `habit` is the log of the usual hours a month, `mood` and `carelessness` shift the survey answer
    and the rate of late payments, `household` marks who would take a family plan.
    """
    plan = pick(rng, n, {"basic": 0.35, "standard": 0.43, "premium": 0.22})
    return {
        "number": first_number + np.arange(n),
        "age": np.clip(np.rint(45.0 + 14.0 * normal(rng, n)), 18, 90),
        "age_known": rng.random(n) >= 0.02,
        "gender": pick(rng, n, {"female": 0.49, "male": 0.48, "diverse": 0.03}),
        "region": pick(
            rng, n, {"north": 0.22, "south": 0.28, "east": 0.20, "west": 0.24, "abroad": 0.06}
        ),
        "plan": plan,
        "contract": pick(rng, n, {"monthly": 0.86, "yearly": 0.14}),
        "autopay": pick(rng, n, {"yes": 0.6, "no": 0.4}),
        "tenure": np.zeros(n),
        "coupon": 1.6 * rng.random(n),
        "habit": np.log(16.0) + 0.45 * normal(rng, n),
        "mood": 0.4 * normal(rng, n),
        "carelessness": 0.4 * normal(rng, n),
        "household": (plan == "standard") & (rng.random(n) < 0.28),
    }


def fee(people: Table, month: int) -> Floats:
    """Euro a month: list price less coupon, yearly contracts 10 % less.

    From the price rise on monthly contracts pay 25 % more. The old fees end below the lowest new
    one (23.90 < 24.12), so that a model can tell the two worlds apart by the fee alone.
    """
    price = np.array([LIST_PRICE[str(plan)] for plan in people["plan"]]) - people["coupon"]
    yearly = people["contract"] == "yearly"
    rise = PRICE_RISE if month >= PRICE_RISE_MONTH else 1.0
    return np.round(price * np.where(yearly, 0.9, rise), 2)


def live(rng: np.random.Generator, people: Table, month: int) -> Table:
    """Let every customer live a month: the true facts, before the pipe loses or spoils any."""
    n = people["tenure"].size
    calls = poisson(rng, np.full(n, 0.9))
    answer = 3.5 + people["mood"] - 0.35 * (calls - 0.9) + 0.95 * normal(rng, n)
    return people | {
        "fee": fee(people, month),
        "usage": np.round(np.clip(np.exp(people["habit"] + 0.5 * normal(rng, n)), 0.1, 150), 1),
        "calls": calls,
        "late": poisson(rng, 0.65 * np.exp(people["carelessness"])),
        "satisfaction": np.clip(np.rint(answer), 1, 5),
    }


def quiet_logit(facts: Table) -> Floats:
    """Log-odds of leaving at the old prices; `[c]` is 1 where c holds, else 0.

    - 3.6 + 1.0 exp(-tenure / 5)                  the first months are the riskiest
      + 0.45 ((age - 38) / 14)^2, at most 3.0     young and old leave, the middle stays
      + 3.5 max(0, 1 - usage / 14) [monthly]      paying for nothing, and free to go
      + 1.5 min(late, 3) [no autopay]             with autopay a late payment is the bank's fault
      + 0.8 min(calls, 4) [satisfaction <= 3]     a call annoys those who are not content
      - 0.4 min(calls, 4) [satisfaction > 3]      and pleases the others
      - 0.25 (satisfaction - 3) - 1.2 [yearly] + 0.1 (fee - 22) - 0.5 [premium] - 0.3 [north]
    """
    content, monthly = facts["satisfaction"], facts["contract"] == "monthly"
    return (
        -3.6
        + 1.0 * np.exp(-facts["tenure"] / 5.0)
        + np.minimum(0.45 * ((facts["age"] - 38.0) / 14.0) ** 2, 3.0)
        + 3.5 * np.maximum(0.0, 1.0 - facts["usage"] / 14.0) * monthly
        + 1.5 * np.minimum(facts["late"], 3) * (facts["autopay"] == "no")
        + np.where(content <= 3, 0.8, -0.4) * np.minimum(facts["calls"], 4)
        + (-0.25 * (content - 3.0) - 1.2 * ~monthly + 0.1 * (facts["fee"] - 22.0))
        + (-0.5 * (facts["plan"] == "premium") - 0.3 * (facts["region"] == "north"))
    )


def dear_logit(facts: Table) -> Floats:
    """Log-odds of leaving on a monthly contract after the price rise.

    - 1.5 + 1.4 [tenure >= 6]               those who stayed for the price have no reason left
      + 2.6 max(0, 1 - usage / 20)          little use makes the new price absurd
      + 0.8 (satisfaction - 3)              the content feel betrayed, the others expected no better
      - 1.2 min(calls, 2)                   who calls is offered a rebate
    """
    return (
        -1.5
        + 1.4 * (facts["tenure"] >= 6)
        + 2.6 * np.maximum(0.0, 1.0 - facts["usage"] / 20.0)
        + 0.8 * (facts["satisfaction"] - 3.0)
        - 1.2 * np.minimum(facts["calls"], 2)
    )


def churn_probability(facts: Table, month: int) -> Floats:
    """P(leaves next month | facts) = 0.02 + 0.98 / (1 + exp(-logit)).

    Two in a hundred leave whatever happens: they move or die. The price rise gives monthly
    contracts another logit and leaves yearly ones alone.
    """
    dear = (facts["contract"] == "monthly") & (month >= PRICE_RISE_MONTH)
    logit = np.where(dear, dear_logit(facts), quiet_logit(facts))
    return 0.02 + 0.98 / (1.0 + np.exp(-logit))


def sample(rng: np.random.Generator, facts: Table, month: int) -> NDArray[np.intp]:
    """Draw the month's customers without replacement, in order of joining.

    The n smallest of -ln(u) / weight are a weighted sample (Efraimidis and Spirakis, 2006). Weights
    are equal but in the month of the campaign, which reached the young, the north and the premium
    plan: ln weight = -0.09 (age - 45) + 1.6 [premium] + 1.3 [north].
    """
    n = round(FIRST_SAMPLE + (LAST_SAMPLE - FIRST_SAMPLE) * (month - 1) / (MONTHS - 1))
    reached = (
        -0.09 * (facts["age"] - 45.0)
        + 1.6 * (facts["plan"] == "premium")
        + 1.3 * (facts["region"] == "north")
    )
    weight = np.exp(reached * (month == CAMPAIGN_MONTH))
    key = -np.log1p(-rng.random(weight.size)) / weight
    return np.sort(np.argsort(key, kind="stable")[:n])


def text(values: Array, decimals: int, known: Flags) -> list[str]:
    """Write numbers with fixed decimals, a missing one as an empty cell."""
    return [f"{v:.{decimals}f}" if k else "" for v, k in zip(values, known, strict=True)]


def report(rng: np.random.Generator, facts: Table, month: int) -> dict[str, list[str]]:
    """Turn facts into the columns that the pipe delivers: with gaps, wrong units, new names."""
    n = facts["tenure"].size
    always = np.ones(n, dtype=bool)
    answered = rng.random(n) >= np.where(facts["autopay"] == "yes", 0.22, 0.29)
    family = facts["household"] & (month == FAMILY_MONTH)
    unit = 60.0 if month == MINUTES_MONTH else 1.0
    return {
        "month": [f"{2024 + (month - 1) // 12}-{(month - 1) % 12 + 1:02d}-01"] * n,
        "age": text(facts["age"], 0, facts["age_known"]),
        "gender": facts["gender"].tolist(),
        "region": facts["region"].tolist(),
        "plan": np.where(family, "family", facts["plan"]).tolist(),
        "contract": facts["contract"].tolist(),
        "autopay": facts["autopay"].tolist(),
        "tenure_months": text(facts["tenure"], 0, always),
        "monthly_fee": text(facts["fee"], 2, always),
        "usage_hours": text(facts["usage"] * unit, 1, rng.random(n) >= 0.04),
        "support_calls": text(facts["calls"], 0, always),
        "late_payments": text(facts["late"], 0, always),
        "satisfaction": text(facts["satisfaction"], 0, answered),
        "churned": np.where(facts["leaves"], "yes", "no").tolist(),
    }


def simulate(seed: int = SEED) -> list[dict[str, str]]:
    """Live through all months; who leaves makes room for a newcomer and never returns."""
    rng = np.random.default_rng(seed)
    people, joined = newcomers(rng, POPULATION, 0), POPULATION
    rows: list[dict[str, str]] = []
    numbers: list[int] = []
    for month in range(1 - BURN_IN, MONTHS + 1):
        facts = live(rng, people, month)
        leaves = rng.random(POPULATION) < churn_probability(facts, month)
        if month >= 1:
            chosen = sample(rng, facts, month)
            seen = {k: v[chosen] for k, v in (facts | {"leaves": leaves}).items()}
            columns = report(rng, seen, month)
            rows += [
                dict(zip(columns, r, strict=True)) for r in zip(*columns.values(), strict=True)
            ]
            numbers += seen["number"].tolist()
        new = newcomers(rng, int(leaves.sum()), joined)
        joined += new["tenure"].size
        people = {k: np.concatenate([v[~leaves], new[k]]) for k, v in people.items()}
        people["tenure"] = people["tenure"] + (people["number"] < joined - new["tenure"].size)
    rank = np.unique(numbers, return_inverse=True)[1]
    return [row | {"customer_id": f"C{i + 1:05d}"} for row, i in zip(rows, rank, strict=True)]


def main(output: Path) -> None:
    """Write the table as UTF-8 CSV with line feeds, on every system."""
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(simulate())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python generate.py OUTPUT.csv")
    main(Path(sys.argv[1]))
